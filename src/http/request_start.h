// What every session settles between the head of a request and its phases, whatever protocol it came by: the server,
// the URI, what the client expects.
#pragma once

#include <optional>

#include "core/base/text.h"
#include "http/fields/host.h"
#include "http/fields/known_header.h"
#include "http/fields/token_list.h"
#include "http/h1/path_scan.h"
#include "http/h1/slice.h"

namespace sluice::http {

class Request;

/// A field of the head repeats one that a request has once, as with nginx: it is to be answered with 400, and the log
/// has it. Two servers could each believe another one of the two.
bool is_repeated(const Request& request, KnownHeader known, Text name, Text value);

/// The parts of a request's target. They live as long as the request.
struct RequestTarget {
    Text uri;   ///< path, args and fragment as sent; empty: "/"
    Text path;  ///< not decoded; begins with `/` or is empty
    Text args;  ///< without the question mark
    h1::PathTraits traits;
};

/// Splits a target in origin form (RFC 9112 §3.2.1), which holds no space or control character.
RequestTarget split_target(Text uri);

/// The server of the request's address that has the host's name; sets the request's host and port. Nothing: the
/// request names no host.
void choose_server(Request& request, const std::optional<Authority>& authority);

/// Sets the request's URI and args. What is wrong with the target otherwise.
[[nodiscard]] std::optional<h1::Refusal> settle_target(Request& request, const RequestTarget& target);

/// What the client expects before it sends the body. `unknown`: to be answered with 417, and the log has it.
Expectation expectation_of(const Request& request);

/// The head is settled: walks the phases, unless the method is one that no configuration can serve; then the status
/// to refuse it with, and the log has it.
uint16_t start_phases(Request& request);

}  // namespace sluice::http
