// Tickets and their keys.
#include "tickets.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <sluice/core/base/unique_fd.h>
#include <sluice/core/conf/parser.h>
#include <sluice/core/shm/zones.h>
#include <unistd.h>

#include "context.h"
#include "error_queue.h"
#include "openssl.h"

namespace sluice::tls {

namespace {

constexpr size_t kLongKey = 80;
constexpr size_t kShortKey = 48;

/// In the zone: the key that encrypts and the one before it. The next one is made early, so that all workers have
/// seen it before a ticket made with it comes back.
struct MadeKeys {
    TicketKey current;
    TicketKey previous;
    int64_t made_at = 0;  ///< Unix time; 0: there is none yet
    bool has_previous = false;
};

/// What a context's callback works with; as old as the configuration.
struct Keys {
    std::span<TicketKey> written;  ///< of files; the first one encrypts
    shm::Zone* zone = nullptr;
};

/// Of the zone; data of its ZoneUse.
struct Rotation {
    Seconds lifetime;
};

Result<void> prepare(shm::Lock& lock, void*) {
    auto* const keys = lock.make<MadeKeys>();
    if (keys == nullptr) return Error("the zone is too small");
    lock.set_root(keys);
    return {};
}

int keys_index() {
    static const int kIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return kIndex;
}

bool make_key(TicketKey& key) {
    return RAND_bytes(key.name, sizeof key.name) == 1 && RAND_bytes(key.hmac, sizeof key.hmac) == 1 &&
           RAND_bytes(key.aes, sizeof key.aes) == 1;
}

/// Whoever looks first after its time makes the next key.
void rotate(MadeKeys& keys, Seconds lifetime) {
    const auto now = static_cast<int64_t>(::time(nullptr));
    if (keys.made_at != 0 && now - keys.made_at < lifetime.count && now >= keys.made_at) return;
    const TicketKey before = keys.current;
    if (!make_key(keys.current)) {
        keys.current = before;
        return;
    }
    // After two lifetimes nobody has a ticket of it.
    keys.has_previous = keys.made_at != 0 && now - keys.made_at < 2 * lifetime.count;
    if (keys.has_previous) keys.previous = before;
    keys.made_at = now;
}

/// The keys that may decrypt, the one that encrypts first.
struct Snapshot {
    TicketKey keys[2];
    size_t count = 0;
};

Snapshot look(shm::Zone& zone) {
    Snapshot seen;
    shm::Lock lock(zone);
    auto& keys = *lock.root<MadeKeys>();
    rotate(keys, static_cast<const Rotation*>(zone.data())->lifetime);
    seen.keys[seen.count++] = keys.current;
    if (keys.has_previous) seen.keys[seen.count++] = keys.previous;
    return seen;
}

bool begin_mac(EVP_MAC_CTX* mac, TicketKey& key) {
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.hmac, key.is_short ? 16 : sizeof key.hmac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

/// Looked up once: by the names that EVP_aes_256_cbc() and the like stand for, OpenSSL would look on each use.
const EVP_CIPHER* cipher_of(const TicketKey& key) {
    static const UniqueCipher kShort(EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr));
    static const UniqueCipher kLong(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr));
    return key.is_short ? kShort.get() : kLong.get();
}

/// What a key is put into.
struct Seal {
    EVP_CIPHER_CTX* cipher;
    EVP_MAC_CTX* mac;
};

int encrypt(std::span<TicketKey> keys, unsigned char* name, unsigned char* iv, const Seal& seal) {
    TicketKey& key = keys.front();
    const EVP_CIPHER* const kind = cipher_of(key);
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(kind)) != 1) return -1;
    if (EVP_EncryptInit_ex(seal.cipher, kind, nullptr, key.aes, iv) != 1 || !begin_mac(seal.mac, key)) return -1;
    std::memcpy(name, key.name, sizeof key.name);
    return 1;
}

/// 0: no such key, a full handshake follows. 2: a fresh ticket is due; in TLS 1.3 after each use, since a ticket that
/// is used twice tells who is who (RFC 8446 §C.4).
int decrypt(std::span<TicketKey> keys, const SSL* ssl, const unsigned char* name, const unsigned char* iv,
            const Seal& seal) {
    for (TicketKey& key : keys) {
        if (std::memcmp(name, key.name, sizeof key.name) != 0) continue;
        if (EVP_DecryptInit_ex(seal.cipher, cipher_of(key), nullptr, key.aes, iv) != 1 || !begin_mac(seal.mac, key))
            return -1;
        return &key == keys.data() && SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2;
    }
    return 0;
}

int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
              int encrypts) {
    auto& keys = *static_cast<Keys*>(SSL_CTX_get_ex_data(TlsTransport::of(ssl).session_context(), keys_index()));
    Snapshot made;
    std::span<TicketKey> all = keys.written;
    if (all.empty()) {
        made = look(*keys.zone);
        all = {made.keys, made.count};
    }
    const Seal seal{cipher, mac};
    const int result = encrypts != 0 ? encrypt(all, name, iv, seal) : decrypt(all, ssl, name, iv, seal);
    OPENSSL_cleanse(&made, sizeof made);
    return result;
}

Result<TicketKey> read_key(Text path) {
    const UniqueFd fd(::open(std::string(path).c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return Error("open() \"" + std::string(path) + "\" failed", errno);
    unsigned char bytes[kLongKey + 1];
    const ssize_t size = ::read(fd.get(), bytes, sizeof bytes);
    if (size < 0) return Error("read() \"" + std::string(path) + "\" failed", errno);
    if (size != kLongKey && size != kShortKey) return Error("\"" + std::string(path) + "\" must be 48 or 80 bytes");
    TicketKey key;
    key.is_short = size == kShortKey;
    std::memcpy(key.name, bytes, sizeof key.name);
    // The older kind has the key of AES in front.
    if (key.is_short) {
        std::memcpy(key.aes, bytes + 16, 16);
        std::memcpy(key.hmac, bytes + 32, 16);
    } else {
        std::memcpy(key.hmac, bytes + 16, 32);
        std::memcpy(key.aes, bytes + 48, 32);
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
    return key;
}

}  // namespace

Result<shm::Zone*> declare_ticket_zone(conf::Parser& parser, Seconds lifetime) {
    const shm::ZoneUse use{.user = "ssl_session_tickets",
                           .layout = 1,
                           .prepare = prepare,
                           .data = parser.arena().make<Rotation>(lifetime)};
    // No other zone's name: in a configuration a colon ends it.
    return parser.environment().zones.add("ssl:session_tickets", shm::kSmallestZone, use);
}

Result<void> use_tickets(conf::Parser& parser, SSL_CTX* context, const ServerConf& conf, shm::Zone& zone) {
    auto& keys = *parser.arena().make<Keys>();
    keys.zone = &zone;
    keys.written = parser.arena().make_array<TicketKey>(conf.ticket_keys->size());
    size_t count = 0;
    for (const Word& file : *conf.ticket_keys) {
        const Result<TicketKey> key = read_key(parser.full_conf_path(file.text));
        if (!key) {
            parser.point_at(file.at);
            return key.error();
        }
        keys.written[count++] = *key;
    }
    SSL_CTX_set_ex_data(context, keys_index(), &keys);
    if (SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket) != 1)
        return make_error("SSL_CTX_set_tlsext_ticket_key_evp_cb() failed");
    return {};
}

}  // namespace sluice::tls
