// Index: finds nodes in a zone by the hash of their key. A table of chains that is made once, in proportion to the
// zone, and never grows: no pause, and no more than a few steps per look-up even in a full zone.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/text.h"

namespace sluice::shm {

class Lock;

/// Base of what stands in an Index.
struct IndexNode {
    uint64_t hash = 0;
    IndexNode* next = nullptr;
    IndexNode** link = nullptr;  ///< what points here; null when in no index
};

class Index {
 public:
    /// Makes an empty index in the zone, with chains enough for its size (about 3 % of it); null when there is no
    /// room.
    static Index* create(Lock& lock);

    /// The hash of a key, salted for this zone, so that nobody outside can choose keys that meet in one chain.
    uint64_t hash(Text key) const;

    void insert(IndexNode& node, uint64_t hash);
    void remove(IndexNode& node);

    /// The first node of this hash for which `matches(const T&)` says yes, or null.
    template <class T, class Matches>
    T* find(uint64_t hash, Matches matches) const {
        for (IndexNode* node = *chain(hash); node != nullptr; node = node->next)
            if (node->hash == hash && matches(*static_cast<const T*>(node))) return static_cast<T*>(node);
        return nullptr;
    }
    size_t size() const { return size_; }

 private:
    IndexNode** chain(uint64_t hash) const { return &chains_[hash & mask_]; }

    IndexNode** chains_ = nullptr;
    uint64_t mask_ = 0;
    uint64_t salt_[2] = {};
    size_t size_ = 0;
};

}  // namespace sluice::shm
