// OpenSSL's queue of errors.
#include "error_queue.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace sluice::tls {

std::string take_reasons() {
    std::string text;
    const char* data = nullptr;
    int flags = 0;
    while (const unsigned long code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
        char room[256];
        ERR_error_string_n(code, room, sizeof room);
        text += text.empty() ? " (SSL: " : " ";
        text += room;
        if ((flags & ERR_TXT_STRING) != 0 && data != nullptr && *data != '\0') {
            text += ':';
            text += data;
        }
    }
    if (!text.empty()) text += ')';
    return text;
}

Error make_error(Text what) {
    return Error(std::string(what) + take_reasons());
}

/// All that a peer sends can be wrong in some way: only what has nothing to do with the protocol is ours.
LogLevel level_of_failure() {
    const unsigned long code = ERR_peek_error();
    if (code == 0 || ERR_GET_LIB(code) != ERR_LIB_SSL) {
        // Bad certificates and keys of clients come from the libraries that parse them.
        const int lib = ERR_GET_LIB(code);
        const bool is_peers = code == 0 || lib == ERR_LIB_ASN1 || lib == ERR_LIB_X509 || lib == ERR_LIB_EC ||
                              lib == ERR_LIB_RSA || lib == ERR_LIB_EVP || lib == ERR_LIB_PROV || lib == ERR_LIB_DH;
        return is_peers ? LogLevel::info : LogLevel::crit;
    }
    switch (ERR_GET_REASON(code)) {
        case ERR_R_MALLOC_FAILURE:
        case ERR_R_INTERNAL_ERROR:
        case SSL_R_NO_CERTIFICATE_ASSIGNED:
        case SSL_R_NO_PRIVATE_KEY_ASSIGNED: return LogLevel::crit;
        default: return LogLevel::info;
    }
}

}  // namespace sluice::tls
