// ServerTls.
#include "server_tls.h"

#include "certificate_cache.h"
#include "staple.h"

namespace sluice::tls {

ServerTls::ServerTls() = default;

ServerTls::~ServerTls() {
    if (context != nullptr) SSL_CTX_sess_set_remove_cb(context.get(), nullptr);
    for (std::string& password : passwords) OPENSSL_cleanse(password.data(), password.size());
}

}  // namespace sluice::tls
