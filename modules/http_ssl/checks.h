// What must hold for a request before anything else is done with it: that it came encrypted, with the certificate
// that its server asks for.
#pragma once

#include <sluice/http/verdict.h>

namespace sluice::http {
class Request;
}

namespace sluice::tls {

/// A handler of the first phase: 495, 496, 497 and 421, or nothing to say.
http::Verdict check_request(http::Request& request);

/// Failures of verification that `ssl_verify_client optional_no_ca` overlooks: nobody trusted has signed.
bool is_overlooked_without_ca(long result);

}  // namespace sluice::tls
