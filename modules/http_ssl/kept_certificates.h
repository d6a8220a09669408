// Certificates and keys that are parsed once for all server blocks, and not again by a reload while their files are
// the same.
#pragma once

#include <sluice/core/conf/keepsakes.h>

#include "certificate.h"

namespace sluice::tls {

/// As load_certificate(), named (see name_of) by `source`; `kept` may be null. A file is the same as long as its
/// FileIdentity is; "data:" always is.
Result<Certificate> find_or_load_certificate(conf::Keepsakes* kept, Text source);

/// As load_key(). Keys of engines and stores are asked for each time.
Result<UniqueKey> find_or_load_key(conf::Keepsakes* kept, Text source, const KeyPasswords& passwords);

}  // namespace sluice::tls
