// The cache of certificates with variables.
#include "certificate_cache.h"

namespace sluice::tls {

namespace {

/// A file may hold both, and be named by both directives.
std::string name_of(Text kind, Text source) {
    return std::string(kind) + std::string(source);
}

}  // namespace

void CertificateCache::drop(Entries::iterator entry) {
    by_name_.erase(name_of(entry->key != nullptr ? "k" : "c", entry->source));
    entries_.erase(entry);
}

/// An entry is used again while nobody has looked away for too long, and its file is the one that was read.
CertificateCache::Entry* CertificateCache::find(const std::string& name, Text source, Msec now) {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return nullptr;
    const Entries::iterator entry = found->second;
    const bool is_stale = now - entry->checked_at >= settings_.valid;
    if (is_stale && FileIdentity::of(source) != entry->file) {
        drop(entry);
        return nullptr;
    }
    if (is_stale) entry->checked_at = now;
    entry->used_at = now;
    entries_.splice(entries_.begin(), entries_, entry);
    return &*entry;
}

/// `max=0`, or no cache at all: the entry serves this handshake only.
void CertificateCache::make_room(Msec now) {
    const size_t most = std::max<size_t>(settings_.most, 2);  // a certificate and its key
    while (!entries_.empty() && (entries_.size() >= most || now - entries_.back().used_at > settings_.inactive))
        drop(std::prev(entries_.end()));
}

CertificateCache::Entry& CertificateCache::insert(const std::string& name, Text source, Msec now) {
    make_room(now);
    Entry& entry = entries_.emplace_front();
    entry.source = source;
    entry.used_at = entry.checked_at = now;
    by_name_[name] = entries_.begin();
    return entry;
}

Result<const Certificate*> CertificateCache::certificate(Text source, Msec now) {
    const std::string name = name_of("c", source);
    if (settings_.most != 0)
        if (const Entry* known = find(name, source, now)) return &known->certificate;
    const FileIdentity file = FileIdentity::of(source);  // before: what changes meanwhile is noticed
    Result<Certificate> loaded = load_certificate(source);
    if (!loaded) return loaded.error();
    if (const auto before = by_name_.find(name); before != by_name_.end()) drop(before->second);
    Entry& entry = insert(name, source, now);
    entry.file = file;
    entry.certificate = std::move(*loaded);
    return &entry.certificate;
}

Result<EVP_PKEY*> CertificateCache::key(Text source, std::span<const std::string> passwords, Msec now) {
    const std::string name = name_of("k", source);
    if (settings_.most != 0)
        if (const Entry* known = find(name, source, now)) return known->key.get();
    const FileIdentity file = FileIdentity::of(source);
    Result<UniqueKey> loaded = load_key(source, {.in_turn = passwords});
    if (!loaded) return loaded.error();
    if (const auto before = by_name_.find(name); before != by_name_.end()) drop(before->second);
    Entry& entry = insert(name, source, now);
    entry.file = file;
    entry.key = std::move(*loaded);
    return entry.key.get();
}

}  // namespace sluice::tls
