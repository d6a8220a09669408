// The BIO between OpenSSL and a transport: records are read from the bytes of the delivery that is going on, and
// written into a Wire. No system call is behind it.
#pragma once

#include <sluice/core/base/text.h>

#include "openssl.h"
#include "wire.h"

namespace sluice::tls {

/// What the BIO works on; outlives it.
struct RecordPorts {
    Text incoming;  ///< taken from the front
    Wire outgoing;
};

/// Never null: out of memory aborts.
BIO* make_record_bio(RecordPorts& ports);

}  // namespace sluice::tls
