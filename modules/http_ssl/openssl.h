// OpenSSL's objects as owners that free what they own.
#pragma once

#include <memory>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace sluice::tls {

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};

using UniqueCipher = std::unique_ptr<EVP_CIPHER, Freed<EVP_CIPHER_free>>;
using UniqueSsl = std::unique_ptr<SSL, Freed<SSL_free>>;
using UniqueContext = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using UniqueSession = std::unique_ptr<SSL_SESSION, Freed<SSL_SESSION_free>>;
using UniqueBio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using UniqueKey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using UniqueCertificate = std::unique_ptr<X509, Freed<X509_free>>;

}  // namespace sluice::tls
