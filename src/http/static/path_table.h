// PathTable: entries by path, in the order of their last use; what the caches of files are built on. It owns nothing.
#pragma once

#include <cstddef>
#include <vector>

#include "core/base/list.h"
#include "core/base/text.h"

namespace sluice::http {

/// Base of an entry; `path` is the entry's own and stays while it is in a table.
struct PathEntry : ListNode<PathEntry> {
    Text path;
    uint64_t hash = 0;  ///< text::hash(path)
    PathEntry* next_in_bucket = nullptr;
};

/// A table of Entry, which derives from PathEntry.
template <class Entry>
class PathTable {
 public:
    PathTable() : buckets_(64) {}

    /// The entry of a path whose hash is `hash`, or null. Does not count as a use.
    Entry* find(Text path, uint64_t hash) const {
        for (PathEntry* entry = buckets_[index_of(hash)]; entry != nullptr; entry = entry->next_in_bucket)
            if (entry->hash == hash && entry->path == path) return static_cast<Entry*>(entry);
        return nullptr;
    }
    /// Adds an entry, as the one used last. There is none of its path yet.
    void insert(Entry& entry) {
        if (size_ >= buckets_.size()) grow();
        link(entry);
        by_use_.push_back(entry);
        ++size_;
    }
    /// Notes a use.
    void touch(Entry& entry) { by_use_.push_back(entry); }
    void remove(Entry& entry) {
        PathEntry** at = &buckets_[index_of(entry.hash)];
        while (*at != &entry) at = &(*at)->next_in_bucket;
        *at = entry.next_in_bucket;
        static_cast<PathEntry&>(entry).unlink();
        --size_;
    }
    /// The entry whose last use is longest ago; null when there is none.
    Entry* oldest() { return by_use_.empty() ? nullptr : static_cast<Entry*>(&by_use_.front()); }
    size_t size() const { return size_; }

 private:
    size_t index_of(uint64_t hash) const { return hash & (buckets_.size() - 1); }
    void link(PathEntry& entry) {
        PathEntry*& bucket = buckets_[index_of(entry.hash)];
        entry.next_in_bucket = bucket;
        bucket = &entry;
    }
    void grow() {
        buckets_.assign(buckets_.size() * 2, nullptr);
        for (PathEntry& entry : by_use_) link(entry);
    }

    std::vector<PathEntry*> buckets_;  ///< a power of two of them
    List<PathEntry, PathEntry> by_use_;
    size_t size_ = 0;
};

}  // namespace sluice::http
