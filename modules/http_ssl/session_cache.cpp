// The cache of sessions.
#include "session_cache.h"

#include <cstdlib>
#include <cstring>
#include <ctime>

#include <sluice/core/conf/parser.h>
#include <sluice/core/shm/index.h>
#include <sluice/core/shm/queue.h>
#include <sluice/core/shm/zones.h>

namespace sluice::tls {

namespace {

constexpr Text kUser = "ssl_session_cache";

/// In the zone; the session as DER stands behind it.
struct Entry : shm::IndexNode, shm::QueueNode<> {
    int64_t expires = 0;  ///< Unix time
    uint32_t size = 0;
    uint8_t id_size = 0;
    unsigned char id[SSL_MAX_SSL_SESSION_ID_LENGTH] = {};

    Text name() const { return {reinterpret_cast<const char*>(id), id_size}; }
    unsigned char* session() { return reinterpret_cast<unsigned char*>(this + 1); }
};

struct Root {
    shm::Index* by_id = nullptr;
    shm::Queue<Entry> recent;
};

Result<void> prepare(shm::Lock& lock, void*) {
    auto* const root = lock.make<Root>();
    if (root != nullptr) root->by_id = shm::Index::create(lock);
    if (root == nullptr || root->by_id == nullptr) return Error("the zone is too small");
    lock.set_root(root);
    return {};
}

constexpr shm::ZoneUse kUse{.user = kUser, .layout = 1, .prepare = prepare};

shm::Zone& zone_of(SSL_CTX* context) {
    return *static_cast<shm::Zone*>(SSL_CTX_get_app_data(context));
}

Text id_of(const SSL_SESSION* session) {
    unsigned size = 0;
    const unsigned char* const id = SSL_SESSION_get_id(session, &size);
    return {reinterpret_cast<const char*>(id), size};
}

Entry* find(const Root& root, Text id) {
    return root.by_id->find<Entry>(root.by_id->hash(id), [&](const Entry& entry) { return entry.name() == id; });
}

void remove(shm::Lock& lock, Root& root, Entry& entry) {
    root.by_id->remove(entry);
    shm::Queue<Entry>::remove(entry);
    lock.free(&entry);
}

/// Those that nobody may come back to any more; of those that are left, the oldest one if room is needed.
void make_room(shm::Lock& lock, Root& root, bool at_any_price) {
    const auto now = static_cast<int64_t>(::time(nullptr));
    for (int most = 2; most > 0; --most) {
        Entry* const oldest = root.recent.oldest();
        if (oldest == nullptr || (oldest->expires > now && !at_any_price)) return;
        remove(lock, root, *oldest);
    }
}

// --- what OpenSSL calls ---

/// 0: the reference to the session stays OpenSSL's.
int on_new(SSL* ssl, SSL_SESSION* session) {
    // A ticket of TLS 1.3 holds all there is.
    if (SSL_version(ssl) == TLS1_3_VERSION && (SSL_get_options(ssl) & SSL_OP_NO_TICKET) == 0) return 0;
    const int size = i2d_SSL_SESSION(session, nullptr);
    constexpr int kLargest = 16 * 1024;
    const Text id = id_of(session);
    if (size <= 0 || size > kLargest || id.empty()) return 0;
    shm::Lock lock(zone_of(TlsTransport::of(ssl).session_context()));
    auto& root = *lock.root<Root>();
    make_room(lock, root, false);
    const size_t wanted = sizeof(Entry) + static_cast<size_t>(size);
    void* memory = lock.allocate(wanted);
    for (int tries = 0; memory == nullptr && tries < 16 && !root.recent.empty(); ++tries) {
        make_room(lock, root, true);
        memory = lock.allocate(wanted);
    }
    if (memory == nullptr) return 0;
    auto& entry = *new (memory) Entry;
    entry.expires = static_cast<int64_t>(::time(nullptr)) + SSL_SESSION_get_timeout(session);
    entry.size = static_cast<uint32_t>(size);
    entry.id_size = static_cast<uint8_t>(id.size());
    std::memcpy(entry.id, id.data(), id.size());
    unsigned char* to = entry.session();
    i2d_SSL_SESSION(session, &to);
    if (Entry* const before = find(root, id)) remove(lock, root, *before);
    root.by_id->insert(entry, root.by_id->hash(id));
    root.recent.push(entry);
    return 0;
}

SSL_SESSION* on_get(SSL* ssl, const unsigned char* data, int size, int* keeps_reference) {
    *keeps_reference = 0;
    const Text id(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
    shm::Lock lock(zone_of(TlsTransport::of(ssl).session_context()));
    auto& root = *lock.root<Root>();
    Entry* const entry = find(root, id);
    if (entry == nullptr) return nullptr;
    if (entry->expires <= static_cast<int64_t>(::time(nullptr))) {
        remove(lock, root, *entry);
        return nullptr;
    }
    const unsigned char* from = entry->session();
    return d2i_SSL_SESSION(nullptr, &from, static_cast<long>(entry->size));
}

void on_remove(SSL_CTX* context, SSL_SESSION* session) {
    shm::Lock lock(zone_of(context));
    auto& root = *lock.root<Root>();
    if (Entry* const entry = find(root, id_of(session))) remove(lock, root, *entry);
}

// --- configuration ---

Error invalid(conf::Parser& parser, const conf::Token& word, Text what) {
    parser.point_at(word);
    return Error(parser.arena().concat(what, "\"", word.text, "\""));
}

Result<void> parse_shared(conf::Parser& parser, const conf::Token& word, SessionCache& cache) {
    Text rest = word.text.substr(Text("shared:").size());
    const Text name = text::split_off(rest, ':');
    const std::optional<Bytes> size = conf::parse::to_bytes(rest);
    if (name.empty() || !size) return invalid(parser, word, "invalid session cache ");
    if (*size < shm::kSmallestZone) {
        parser.point_at(word);
        return Error(parser.arena().concat("session cache \"", word.text, "\" is too small"));
    }
    Result<shm::Zone*> zone = parser.environment().zones.add(name, *size, kUse);
    if (!zone) return zone.error();
    cache.zone = *zone;
    return {};
}

}  // namespace

Result<void> parse_session_cache(conf::Parser& parser, Setting<SessionCache>& field, conf::Arguments words) {
    SessionCache cache = field.is_here() ? *field : SessionCache{};
    for (const conf::Token& word : words) {
        Text rest = word.text;
        const Text kind = text::split_off(rest, ':');
        if (word.text == "off" || word.text == "none") {
            cache.kind = word.text == "off" ? SessionCache::Kind::off : SessionCache::Kind::none;
        } else if (kind == "builtin") {
            cache.kind = cache.zone != nullptr ? SessionCache::Kind::shared : SessionCache::Kind::builtin;
            cache.has_builtin = true;
            if (word.text == kind) continue;
            const std::optional<uint64_t> size = text::parse_uint(rest);
            if (!size || *size > INT32_MAX) return invalid(parser, word, "invalid session cache ");
            cache.builtin_size = static_cast<int64_t>(*size);
        } else if (kind == "shared" && word.text != kind) {
            if (Result<void> parsed = parse_shared(parser, word, cache); !parsed) return parsed;
            cache.kind = SessionCache::Kind::shared;
        } else {
            return invalid(parser, word, "invalid session cache ");
        }
    }
    field.set(cache);
    return {};
}

void use_session_cache(SSL_CTX* context, const ServerConf& conf) {
    const SessionCache& cache = *conf.session_cache;
    SSL_CTX_set_timeout(context, static_cast<long>(conf.session_timeout->count));
    switch (cache.kind) {
        case SessionCache::Kind::off:
            SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
            // Nothing would ever come of a TLS 1.3 ticket that stands for a session kept here.
            if (!*conf.session_tickets) SSL_CTX_set_num_tickets(context, 0);
            return;
        case SessionCache::Kind::none:
            // Sessions are given out all the same: some clients break without.
            SSL_CTX_set_session_cache_mode(
                context, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_AUTO_CLEAR | SSL_SESS_CACHE_NO_INTERNAL_STORE);
            SSL_CTX_sess_set_cache_size(context, 1);
            return;
        case SessionCache::Kind::builtin:
        case SessionCache::Kind::shared: break;
    }
    long mode = SSL_SESS_CACHE_SERVER;
    if (!cache.has_builtin) mode |= SSL_SESS_CACHE_NO_INTERNAL;
    SSL_CTX_set_session_cache_mode(context, mode);
    if (cache.builtin_size >= 0) SSL_CTX_sess_set_cache_size(context, cache.builtin_size);
    if (cache.zone == nullptr) return;
    SSL_CTX_set_app_data(context, cache.zone);
    SSL_CTX_sess_set_new_cb(context, on_new);
    SSL_CTX_sess_set_get_cb(context, on_get);
    SSL_CTX_sess_set_remove_cb(context, on_remove);
}

}  // namespace sluice::tls
