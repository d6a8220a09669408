// $ssl_client_*: the client's certificate.
#include <ctime>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sluice/core/base/text_builder.h>
#include <sluice/http/request.h>
#include <sluice/http/server_connection.h>

#include "client_status.h"
#include "variables.h"

namespace sluice::tls {

using http::Request;

namespace {

X509* certificate_of(const Request& request) {
    const SSL* ssl = ssl_of(request);
    return ssl != nullptr ? SSL_get0_peer_certificate(ssl) : nullptr;
}

Text content(const Request& request, BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return request.arena().copy({data, static_cast<size_t>(size)});
}

Text print_name(const Request& request, const X509_NAME* name) {
    const UniqueBio bio(BIO_new(BIO_s_mem()));
    if (bio == nullptr || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
    return content(request, bio.get());
}

Text print_name_legacy(const Request& request, const X509_NAME* name) {
    char* const line = X509_NAME_oneline(name, nullptr, 0);
    const Text text = line != nullptr ? request.arena().copy(line) : Text{};
    OPENSSL_free(line);
    return text;
}

Text print_time(const Request& request, const ASN1_TIME* time) {
    const UniqueBio bio(BIO_new(BIO_s_mem()));
    if (bio == nullptr || ASN1_TIME_print(bio.get(), time) != 1) return {};
    return content(request, bio.get());
}

/// Not a byte that would need a look at RFC 3986 §2.3 to know that it may stand in a URI.
bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

/// Why responders of OCSP turn the certificate down; empty: they do not.
Text status_reason(const Request& request) {
    const auto& transport = static_cast<const TlsTransport&>(*request.connection().security());
    const auto* status = static_cast<const ClientStatus*>(transport.companion.get());
    return status != nullptr && status->state() == ClientStatus::State::bad ? status->reason() : Text{};
}

}  // namespace

Text client_raw_cert(const Request& request) {
    X509* const certificate = certificate_of(request);
    if (certificate == nullptr) return {};
    const UniqueBio bio(BIO_new(BIO_s_mem()));
    if (bio == nullptr || PEM_write_bio_X509(bio.get(), certificate) != 1) return {};
    return content(request, bio.get());
}

/// A tab in front of each line but the first: as a header that goes over several lines.
Text client_cert(const Request& request) {
    Text raw = client_raw_cert(request);
    if (raw.empty()) return {};
    raw.remove_suffix(1);
    size_t lines = 0;
    for (const char c : raw) lines += c == '\n' ? 1 : 0;
    const std::span<char> room = request.arena().make_bytes(raw.size() + lines);
    TextBuilder text(room);
    for (const char c : raw) {
        text.add(c);
        if (c == '\n') text.add('\t');
    }
    return text.text();
}

Text client_escaped_cert(const Request& request) {
    const Text raw = client_raw_cert(request);
    if (raw.empty()) return {};
    const std::span<char> room = request.arena().make_bytes(raw.size() * 3);
    TextBuilder text(room);
    for (const char c : raw) {
        if (is_unreserved(c)) {
            text.add(c);
        } else {
            constexpr Text kDigits = "0123456789ABCDEF";
            const auto byte = static_cast<unsigned char>(c);
            text.add('%', kDigits[byte >> 4U], kDigits[byte & 15U]);
        }
    }
    return text.text();
}

Text client_subject(const Request& request) {
    X509* const certificate = certificate_of(request);
    return certificate != nullptr ? print_name(request, X509_get_subject_name(certificate)) : Text{};
}

Text client_issuer(const Request& request) {
    X509* const certificate = certificate_of(request);
    return certificate != nullptr ? print_name(request, X509_get_issuer_name(certificate)) : Text{};
}

Text client_subject_legacy(const Request& request) {
    X509* const certificate = certificate_of(request);
    return certificate != nullptr ? print_name_legacy(request, X509_get_subject_name(certificate)) : Text{};
}

Text client_issuer_legacy(const Request& request) {
    X509* const certificate = certificate_of(request);
    return certificate != nullptr ? print_name_legacy(request, X509_get_issuer_name(certificate)) : Text{};
}

Text client_serial(const Request& request) {
    X509* const certificate = certificate_of(request);
    if (certificate == nullptr) return {};
    const UniqueBio bio(BIO_new(BIO_s_mem()));
    if (bio == nullptr || i2a_ASN1_INTEGER(bio.get(), X509_get_serialNumber(certificate)) < 0) return {};
    return content(request, bio.get());
}

Text client_fingerprint(const Request& request) {
    X509* const certificate = certificate_of(request);
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (certificate == nullptr || X509_digest(certificate, EVP_sha1(), sum, &size) != 1) return {};
    return to_hex(request.arena(), sum, size);
}

Text client_verify(const Request& request) {
    const SSL* ssl = ssl_of(request);
    if (ssl == nullptr) return {};
    if (SSL_get0_peer_certificate(ssl) == nullptr) return "NONE";
    const long result = SSL_get_verify_result(ssl);
    if (result == X509_V_OK) {
        const Text reason = status_reason(request);
        return reason.empty() ? Text("SUCCESS") : request.arena().concat("FAILED:", reason);
    }
    return request.arena().concat("FAILED:", X509_verify_cert_error_string(result));
}

Text client_begin(const Request& request) {
    X509* const certificate = certificate_of(request);
    return certificate != nullptr ? print_time(request, X509_get0_notBefore(certificate)) : Text{};
}

Text client_end(const Request& request) {
    X509* const certificate = certificate_of(request);
    return certificate != nullptr ? print_time(request, X509_get0_notAfter(certificate)) : Text{};
}

/// Days that are left; none below zero.
Text client_remain(const Request& request) {
    X509* const certificate = certificate_of(request);
    int days = 0;
    int seconds = 0;
    if (certificate == nullptr || ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate)) != 1)
        return {};
    if (days < 0 || seconds < 0) return "0";
    char room[16];
    return request.arena().copy(TextBuilder(room).add(days).text());
}

Text client_sigalg(const Request& request) {
    SSL* const ssl = ssl_of(request);
    int nid = NID_undef;
    if (ssl == nullptr || SSL_get0_peer_certificate(ssl) == nullptr) return {};
    return SSL_get_peer_signature_type_nid(ssl, &nid) == 1 ? request.arena().copy(OBJ_nid2sn(nid)) : Text{};
}

}  // namespace sluice::tls
