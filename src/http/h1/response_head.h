// The head of a response as bytes (RFC 9112 §4, §5), and the framing of chunks (§7.1).
#pragma once

#include "core/base/arena.h"
#include "core/base/text.h"
#include "http/conf/location_conf.h"

namespace sluice::event {
class Chain;
}

namespace sluice::http {
class Headers;
class Request;
}  // namespace sluice::http

namespace sluice::http::h1 {

/// Status line and fields, ending with the empty line, and a copy of `body` behind it, all of which is memory; in the
/// request's arena.
Text write_response_head(Request& request, bool keeps_alive, const event::Chain& body);
/// An interim response (RFC 9110 §15.2) with its fields.
Text write_interim_head(Arena& arena, uint16_t status, const Headers& fields);

/// "0\r\n", the trailers if the client takes them, and the empty line.
Text write_last_chunk(Request& request);

/// keepalive_disable: browsers that can't keep connections after a POST.
bool disables_keepalive(const Request& request, conf::Flags<OldBrowser> browsers);

}  // namespace sluice::http::h1
