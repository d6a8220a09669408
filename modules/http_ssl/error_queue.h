// The thread's queue of OpenSSL's errors, as text for logs and configuration errors.
#pragma once

#include <string>

#include <openssl/err.h>
#include <sluice/core/base/result.h>
#include <sluice/core/log/log.h>

namespace sluice::tls {

/// Empties the queue before a call whose failure will be asked for. It mostly is empty, which is cheaper to see than
/// to bring about.
inline void clear_errors() {
    if (ERR_peek_error() != 0) ERR_clear_error();
}

/// Empties the queue: " (SSL: error:0A00010B:SSL routines::wrong version number error:…)", or "" when it was empty.
std::string take_reasons();

/// `what` and the reasons in the queue, which is empty then.
Error make_error(Text what);

/// The level at which a failure of a handshake, or of a connection later on, is logged: `info` for what a peer can
/// cause, `crit` for anything else. Looks at the queue without emptying it.
LogLevel level_of_failure();

}  // namespace sluice::tls
