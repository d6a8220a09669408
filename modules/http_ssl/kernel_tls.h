// KernelTls: a socket that encrypts by itself what it sends, with keys that it is given.
//   ssl_conf_command Options KTLS;
#pragma once

namespace sluice::tls {

/// The socket options behind it; a table, so that tests can play the kernel.
struct KernelTls {
    /// False: the kernel has no TLS, or not for such a socket. Nothing has changed then, nor otherwise.
    bool (*attach)(int fd);
    /// From now on what is sent is encrypted. `keys`: the kernel's struct of a cipher, which begins with a
    /// tls_crypto_info. False: it doesn't take them, and nothing has changed.
    bool (*use_send_keys)(int fd, const void* keys);
};

extern const KernelTls kKernelTls;

}  // namespace sluice::tls
