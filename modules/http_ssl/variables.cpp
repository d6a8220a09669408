// $ssl_*: the connection.
#include "variables.h"

#include <cstring>

#include <openssl/objects.h>
#include <sluice/core/base/text_builder.h>
#include <sluice/http/request.h>
#include <sluice/http/server_connection.h>

#include "transport.h"

namespace sluice::tls {

using http::Request;

namespace {

Text found(const Request& request, const char* text) {
    return text != nullptr ? request.arena().copy(text) : Text{};
}

/// Names one behind the other with colons between; a number stands for what OpenSSL has no name for.
class List {
 public:
    explicit List(Arena& arena) : room_(arena.make_bytes(kSize)), text_(room_) {}

    void add(const char* name, unsigned number) {
        if (!text_.text().empty()) text_.add(':');
        if (name != nullptr) {
            text_.add(name);
        } else {
            text_.add("0x", Hex{number, 4});
        }
    }
    Text text() const { return text_.text().empty() ? Text{} : text_.text(); }

 private:
    static constexpr size_t kSize = 4096;
    std::span<char> room_;
    TextBuilder text_;
};

/// A curve that is not known to OpenSSL has this bit and its number of the protocol.
constexpr int kUnknownCurve = 0x1000000;

const char* curve_name(int nid) {
    return (nid & kUnknownCurve) != 0 ? nullptr : OBJ_nid2sn(nid);
}

}  // namespace

SSL* ssl_of(const Request& request) {
    const http::ServerConnection& connection = request.connection();
    return connection.is_secure() ? static_cast<TlsTransport*>(connection.security())->ssl() : nullptr;
}

Text to_hex(Arena& arena, const unsigned char* bytes, size_t size) {
    const std::span<char> room = arena.make_bytes(2 * size);
    for (size_t i = 0; i < size; ++i) {
        room[2 * i] = "0123456789abcdef"[bytes[i] >> 4U];
        room[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15U];
    }
    return {room.data(), room.size()};
}

Text nothing(const Request&) {
    return {};
}

Text protocol(const Request& request) {
    const SSL* ssl = ssl_of(request);
    return ssl != nullptr ? Text(SSL_get_version(ssl)) : Text{};
}

Text cipher(const Request& request) {
    const SSL* ssl = ssl_of(request);
    return ssl != nullptr ? Text(SSL_get_cipher_name(ssl)) : Text{};
}

Text ciphers(const Request& request) {
    SSL* const ssl = ssl_of(request);
    if (ssl == nullptr) return {};
    const unsigned char* all = nullptr;
    const auto size = static_cast<size_t>(SSL_get0_raw_cipherlist(ssl, &all));
    const auto width = static_cast<size_t>(SSL_get0_raw_cipherlist(ssl, nullptr));
    if (all == nullptr || width < 2) return Text{};
    List list(request.arena());
    for (size_t at = 0; at + width <= size; at += width) {
        const SSL_CIPHER* const known = SSL_CIPHER_find(ssl, all + at);
        list.add(known != nullptr ? SSL_CIPHER_get_name(known) : nullptr,
                 static_cast<unsigned>(all[at] << 8U | all[at + 1]));
    }
    return list.text();
}

Text curve(const Request& request) {
    SSL* const ssl = ssl_of(request);
    if (ssl == nullptr) return {};
    const auto nid = static_cast<int>(SSL_get_negotiated_group(ssl));
    if (nid == NID_undef) return Text{};
    List list(request.arena());
    list.add(curve_name(nid), static_cast<unsigned>(nid) & 0xffffU);
    return list.text();
}

Text curves(const Request& request) {
    SSL* const ssl = ssl_of(request);
    if (ssl == nullptr) return {};
    const auto count = static_cast<size_t>(SSL_get1_curves(ssl, nullptr));
    const std::span<int> all = request.arena().make_array<int>(count);
    if (count != 0) SSL_get1_curves(ssl, all.data());
    List list(request.arena());
    for (const int nid : all) list.add(curve_name(nid), static_cast<unsigned>(nid) & 0xffffU);
    return list.text();
}

Text sigalg(const Request& request) {
    SSL* const ssl = ssl_of(request);
    int nid = NID_undef;
    if (ssl == nullptr) return {};
    return SSL_get_signature_type_nid(ssl, &nid) == 1 ? found(request, OBJ_nid2sn(nid)) : Text{};
}

Text sigalgs(const Request& request) {
    SSL* const ssl = ssl_of(request);
    if (ssl == nullptr) return {};
    List list(request.arena());
    const int count = SSL_get_sigalgs(ssl, 0, nullptr, nullptr, nullptr, nullptr, nullptr);
    for (int i = 0; i < count; ++i) {
        int sign_and_hash = NID_undef;
        unsigned char sign = 0;
        unsigned char hash = 0;
        SSL_get_sigalgs(ssl, i, nullptr, nullptr, &sign_and_hash, &sign, &hash);
        list.add(sign_and_hash != NID_undef ? OBJ_nid2sn(sign_and_hash) : nullptr,
                 static_cast<unsigned>(hash << 8U | sign));
    }
    return list.text();
}

Text session_id(const Request& request) {
    SSL* const ssl = ssl_of(request);
    const SSL_SESSION* const session = ssl != nullptr ? SSL_get0_session(ssl) : nullptr;
    if (session == nullptr) return {};
    unsigned size = 0;
    const unsigned char* const id = SSL_SESSION_get_id(session, &size);
    return size != 0 ? to_hex(request.arena(), id, size) : Text{};
}

Text session_reused(const Request& request) {
    SSL* const ssl = ssl_of(request);
    if (ssl == nullptr) return {};
    return SSL_session_reused(ssl) != 0 ? "r" : ".";
}

/// Only as long as the handshake goes on is a request one that could be a replay (RFC 8470 §5.1).
Text early_data(const Request& request) {
    SSL* const ssl = ssl_of(request);
    return ssl != nullptr && SSL_is_init_finished(ssl) == 0 ? Text("1") : Text{};
}

Text server_name(const Request& request) {
    SSL* const ssl = ssl_of(request);
    const char* const name = ssl != nullptr ? SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) : nullptr;
    return name != nullptr ? request.arena().copy(name) : Text{};
}

Text alpn_protocol(const Request& request) {
    if (ssl_of(request) == nullptr) return {};
    const Text chosen = request.connection().security()->protocol();
    return chosen.empty() ? Text{} : request.arena().copy(chosen);
}

}  // namespace sluice::tls
