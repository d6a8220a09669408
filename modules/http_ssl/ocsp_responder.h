// Responder: where the status of certificates is asked for (RFC 6960), and what is sent there.
#pragma once

#include <string>
#include <vector>

#include <sluice/core/base/result.h>
#include <sluice/event/address.h>

#include "openssl.h"

namespace sluice::tls {

struct Responder {
    std::string host;  ///< as in the URL, with its port
    std::string path;  ///< with the leading slash
    std::vector<event::SocketAddress> addresses;
};

/// Takes "http://host[:port][/path]" apart and looks the host up. Errors are the middle of nginx's messages: "invalid
/// URL prefix in OCSP responder "…"", "host not found in OCSP responder "…"".
Result<Responder> find_responder(Text url);

/// The responder that a certificate names (RFC 5280 §4.2.2.1); empty: none.
std::string responder_of(X509* certificate);

/// A request for the status of one certificate, as DER; empty when there is no memory.
std::string make_ocsp_request(X509* certificate, X509* issuer);

}  // namespace sluice::tls
