// The BIO of records.
#include "record_bio.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace sluice::tls {

namespace {

/// Controls that <openssl/bio.h> has in a comment only.
constexpr int kSetKeys = 72;
constexpr int kSetRecordType = 74;
constexpr int kClearRecordType = 75;

RecordPorts& ports_of(BIO* bio) {
    return *static_cast<RecordPorts*>(BIO_get_data(bio));
}

int read(BIO* bio, char* to, size_t size, size_t* got) {
    Text& incoming = ports_of(bio).incoming;
    BIO_clear_retry_flags(bio);
    if (incoming.empty()) {
        BIO_set_retry_read(bio);
        *got = 0;
        return 0;
    }
    *got = std::min(size, incoming.size());
    std::memcpy(to, incoming.data(), *got);
    incoming.remove_prefix(*got);
    return 1;
}

int write(BIO* bio, const char* from, size_t size, size_t* put) {
    RecordPorts& ports = ports_of(bio);
    BIO_clear_retry_flags(bio);
    if (ports.kernel_encrypts) {
        ports.outgoing.append_record(std::exchange(ports.record_type, 0), {from, size});
    } else {
        ports.outgoing.append({from, size});
    }
    *put = size;
    return 1;
}

long control(BIO* bio, int what, long number, void* data) {
    RecordPorts& ports = ports_of(bio);
    switch (what) {
        case BIO_CTRL_FLUSH:
        case BIO_CTRL_DUP: return 1;
        case BIO_CTRL_GET_KTLS_SEND: return ports.kernel_encrypts ? 1 : 0;
        case kSetKeys: {
            const bool are_for_sending = number != 0;
            if (are_for_sending) ports.kernel_encrypts = ports.key_taker.take_keys(data);
            return are_for_sending && ports.kernel_encrypts ? 1 : 0;
        }
        case kSetRecordType: ports.record_type = static_cast<uint8_t>(number); return 0;
        case kClearRecordType: ports.record_type = 0; return 0;
        default: return 0;
    }
}

BIO_METHOD* make_method() {
    BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "records");
    if (method == nullptr) std::abort();
    BIO_meth_set_read_ex(method, read);
    BIO_meth_set_write_ex(method, write);
    BIO_meth_set_ctrl(method, control);
    return method;
}

/// One for the module; freed when it is unmapped.
struct Method {
    BIO_METHOD* method = make_method();
    Method() = default;
    Method(const Method&) = delete;
    ~Method() { BIO_meth_free(method); }
};

}  // namespace

BIO* make_record_bio(RecordPorts& ports) {
    static const Method kMethod;
    BIO* const bio = BIO_new(kMethod.method);
    if (bio == nullptr) std::abort();
    BIO_set_data(bio, &ports);
    BIO_set_init(bio, 1);
    return bio;
}

}  // namespace sluice::tls
