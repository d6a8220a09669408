// The BIO between OpenSSL and a transport: records are read from the bytes of the delivery that is going on, and
// written into a Wire. No system call is behind it. Once the kernel encrypts, what is written is plain and has a
// type.
#pragma once

#include <sluice/core/base/text.h>

#include "openssl.h"
#include "wire.h"

namespace sluice::tls {

/// Is offered the keys for sending, where SSL_OP_ENABLE_KTLS is set.
class KeyTaker {
 public:
    /// All records that the keys are not for were written before. `keys`: see KernelTls. True: the kernel encrypts
    /// from now on; false: OpenSSL goes on with it.
    virtual bool take_keys(const void* keys) = 0;

 protected:
    ~KeyTaker() = default;
};

/// What the BIO works on; outlives it.
struct RecordPorts {
    Text incoming;  ///< taken from the front
    Wire outgoing;
    KeyTaker& key_taker;
    bool kernel_encrypts = false;
    uint8_t record_type = 0;  ///< of what is written next, where the kernel encrypts
};

/// Never null: out of memory aborts.
BIO* make_record_bio(RecordPorts& ports);

}  // namespace sluice::tls
