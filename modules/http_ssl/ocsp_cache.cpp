// The cache of certificates' statuses.
#include "ocsp_cache.h"

#include <array>
#include <cstring>

#include <sluice/core/shm/index.h>
#include <sluice/core/shm/queue.h>
#include <sluice/core/shm/zones.h>

namespace sluice::tls {

namespace {

constexpr size_t kKey = 32;
using Key = std::array<unsigned char, kKey>;

struct Entry : shm::IndexNode, shm::QueueNode<> {
    Key key{};
    int64_t valid_until = 0;
    int status = 0;
};

struct Root {
    shm::Index* by_key = nullptr;
    shm::Queue<Entry> recent;
};

Result<void> prepare(shm::Lock& lock, void*) {
    auto* const root = lock.make<Root>();
    if (root != nullptr) root->by_key = shm::Index::create(lock);
    if (root == nullptr || root->by_key == nullptr) return Error("the zone is too small");
    lock.set_root(root);
    return {};
}

/// A certificate is known by who has signed it and its own sum.
Key key_of(X509* certificate, X509* issuer) {
    Key key{};
    unsigned char both[2 * EVP_MAX_MD_SIZE];
    unsigned size = 0;
    unsigned more = 0;
    if (X509_digest(certificate, EVP_sha256(), both, &size) == 1 &&
        X509_pubkey_digest(issuer, EVP_sha256(), both + size, &more) == 1)
        EVP_Digest(both, size + more, key.data(), nullptr, EVP_sha256(), nullptr);
    return key;
}

Text text_of(const Key& key) {
    return {reinterpret_cast<const char*>(key.data()), key.size()};
}

Entry* find(const Root& root, const Key& key) {
    return root.by_key->find<Entry>(root.by_key->hash(text_of(key)),
                                    [&](const Entry& entry) { return entry.key == key; });
}

void remove(shm::Lock& lock, Root& root, Entry& entry) {
    root.by_key->remove(entry);
    shm::Queue<Entry>::remove(entry);
    lock.free(&entry);
}

}  // namespace

std::optional<int> find_status(shm::Zone* zone, X509* certificate, X509* issuer, int64_t now) {
    if (zone == nullptr) return std::nullopt;
    const Key key = key_of(certificate, issuer);
    shm::Lock lock(*zone);
    auto& root = *lock.root<Root>();
    Entry* const entry = find(root, key);
    if (entry == nullptr) return std::nullopt;
    if (entry->valid_until > now) return entry->status;
    remove(lock, root, *entry);
    return std::nullopt;
}

void store_status(shm::Zone* zone, X509* certificate, X509* issuer, const OcspAnswer& answer) {
    if (zone == nullptr || answer.valid_until == 0) return;
    const Key key = key_of(certificate, issuer);
    shm::Lock lock(*zone);
    auto& root = *lock.root<Root>();
    if (Entry* const before = find(root, key)) remove(lock, root, *before);
    auto* entry = lock.make<Entry>();
    while (entry == nullptr && !root.recent.empty()) {
        remove(lock, root, *root.recent.oldest());
        entry = lock.make<Entry>();
    }
    if (entry == nullptr) return;
    entry->key = key;
    entry->valid_until = answer.valid_until;
    entry->status = static_cast<int>(answer.status);
    root.by_key->insert(*entry, root.by_key->hash(text_of(key)));
    root.recent.push(*entry);
}

Result<void> parse_ocsp_cache(conf::Parser& parser, Setting<shm::Zone*>& field, conf::Arguments words) {
    const Text word = words[0].text;
    field.set(nullptr);
    if (word == "off") return {};
    Text rest = word;
    const bool is_shared = text::split_off(rest, ':') == "shared";
    const Text name = text::split_off(rest, ':');
    const std::optional<Bytes> size = conf::parse::to_bytes(rest);
    parser.point_at(words[0]);
    if (!is_shared || name.empty() || !size) return Error(parser.arena().concat("invalid OCSP cache \"", word, "\""));
    if (*size < shm::kSmallestZone) return Error(parser.arena().concat("OCSP cache \"", word, "\" is too small"));
    const shm::ZoneUse use{.user = "ssl_ocsp_cache", .layout = 1, .prepare = prepare};
    Result<shm::Zone*> zone = parser.environment().zones.add(name, *size, use);
    if (!zone) return zone.error();
    field.set(*zone);
    return {};
}

}  // namespace sluice::tls
