// KernelTls: the kernel itself.
#include "kernel_tls.h"

#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace sluice::tls {

namespace {

/// By cipher, since OpenSSL tells no size; 0: one that it never asks for.
socklen_t size_of(const tls_crypto_info& keys) {
    switch (keys.cipher_type) {
        case TLS_CIPHER_AES_GCM_128: return sizeof(tls12_crypto_info_aes_gcm_128);
        case TLS_CIPHER_AES_GCM_256: return sizeof(tls12_crypto_info_aes_gcm_256);
        case TLS_CIPHER_AES_CCM_128: return sizeof(tls12_crypto_info_aes_ccm_128);
        case TLS_CIPHER_CHACHA20_POLY1305: return sizeof(tls12_crypto_info_chacha20_poly1305);
        default: return 0;
    }
}

bool attach(int fd) {
    return ::setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") == 0;
}

bool use_send_keys(int fd, const void* keys) {
    const socklen_t size = size_of(*static_cast<const tls_crypto_info*>(keys));
    return size != 0 && ::setsockopt(fd, SOL_TLS, TLS_TX, keys, size) == 0;
}

}  // namespace

const KernelTls kKernelTls{.attach = attach, .use_send_keys = use_send_keys};

}  // namespace sluice::tls
