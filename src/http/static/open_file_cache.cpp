// OpenFileCache: bounded by number, the least recently used entry goes first.
#include "http/static/open_file_cache.h"

#include <cerrno>
#include <string>

namespace sluice::http {

namespace {

/// Entries that a use of the cache looks at for having been idle too long: more than it can add.
constexpr int kChecksPerUse = 2;

/// Errors that say something of the file, not of the worker.
bool is_of_file(int error) {
    switch (error) {
        case ENOENT:
        case ENOTDIR:
        case ENAMETOOLONG:
        case EACCES:
        case EMLINK:
        case ELOOP: return true;
        default: return false;
    }
}

}  // namespace

/// A file that is not open is not believed in: it has not had its `min_uses` yet.
struct OpenFileCache::Entry : PathEntry {
    std::string name;
    LinkRules links;
    FileInfo info;
    SharedFileRef file;
    int error = 0;
    Text failed_call;
    uint32_t uses = 0;
    Msec seen_at;  ///< in the file system
    Msec used_at;

    bool may_be_believed() const { return error != 0 || file || !info.is_regular(); }
    OpenFile answer(const FileQuery& query) const {
        OpenFile answer;
        answer.info = info;
        answer.error = error;
        answer.failed_call = failed_call;
        const bool is_known = query.known != nullptr && info == *query.known;
        if (!file || query.only_probes || is_known) return answer;
        answer.shared = file;
        answer.is_direct = file->is_direct();
        return answer;
    }
};

OpenFileCache::~OpenFileCache() {
    while (Entry* entry = entries_.oldest()) drop(*entry);
}

void OpenFileCache::drop(Entry& entry) {
    entries_.remove(entry);
    delete &entry;
}

void OpenFileCache::drop_inactive(Msec now) {
    for (int i = 0; i < kChecksPerUse; ++i) {
        Entry* entry = entries_.oldest();
        if (entry == nullptr || now - entry->used_at <= inactive_) return;
        drop(*entry);
    }
}

OpenFileCache::Entry& OpenFileCache::make(const FileQuery& query, uint64_t hash) {
    while (entries_.size() >= max_) drop(*entries_.oldest());
    auto* entry = new Entry;
    entry->name = query.path;
    entry->path = entry->name;
    entry->hash = hash;
    entry->links = query.links;
    entries_.insert(*entry);
    return *entry;
}

OpenFile OpenFileCache::find(const FileQuery& query, uint64_t hash, const Rules& rules, Msec now) {
    drop_inactive(now);
    Entry* entry = entries_.find(query.path, hash);
    if (entry != nullptr && !(entry->links == query.links)) {
        drop(*entry);
        entry = nullptr;
    }
    const bool is_new = entry == nullptr;
    if (is_new) entry = &make(query, hash);
    entries_.touch(*entry);
    entry->used_at = now;
    ++entry->uses;
    if (!is_new && entry->may_be_believed() && now - entry->seen_at < rules.valid) return entry->answer(query);
    return refresh(*entry, query, rules, now);
}

/// A file that is open and still the same stays open.
OpenFile OpenFileCache::refresh(Entry& entry, const FileQuery& query, const Rules& rules, Msec now) {
    entry.seen_at = now;
    if (entry.file) {
        const OpenFile there = look_up_to_probe(query);
        if (there.ok() && there.info == entry.info) return entry.answer(query);
        entry.file = {};
    }
    const bool opens = entry.uses >= rules.min_uses;
    OpenFile found = opens ? look_up_to_open(query) : look_up(query);
    // One that can't be opened may still be there, and whoever only asks for that need not read it.
    if (opens && query.only_probes && found.error != 0 && found.error != ENOENT) found = look_up_to_probe(query);
    if (!found.ok() && !(rules.keeps_errors && is_of_file(found.error))) {
        drop(entry);
        return found;
    }
    entry.info = found.info;
    entry.error = found.error;
    entry.failed_call = found.failed_call;
    if (!opens || !found.fd) return found;
    entry.file = SharedFileRef(*new SharedFile(std::move(found.fd), found.is_direct));
    OpenFile answer = entry.answer(query);
    answer.direct_error = found.direct_error;
    return answer;
}

}  // namespace sluice::http
