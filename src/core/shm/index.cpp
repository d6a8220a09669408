// Index: chains of nodes, chosen by a salted SipHash-1-3 (Aumasson, Bernstein 2012) of the key.
#include "core/shm/index.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <sys/random.h>

#include "core/shm/zone.h"

namespace sluice::shm {

namespace {

/// Bytes of the zone for each chain of 8 bytes.
constexpr size_t kBytesPerChain = 256;
constexpr size_t kFewestChains = 16;

struct Sip {
    uint64_t a;
    uint64_t b;
    uint64_t c;
    uint64_t d;

    Sip(uint64_t key0, uint64_t key1)
        : a(key0 ^ 0x736f6d6570736575ULL),
          b(key1 ^ 0x646f72616e646f6dULL),
          c(key0 ^ 0x6c7967656e657261ULL),
          d(key1 ^ 0x7465646279746573ULL) {}
    void round() {
        a += b;
        c += d;
        b = std::rotl(b, 13) ^ a;
        d = std::rotl(d, 16) ^ c;
        a = std::rotl(a, 32);
        c += b;
        a += d;
        b = std::rotl(b, 17) ^ c;
        d = std::rotl(d, 21) ^ a;
        c = std::rotl(c, 32);
    }
    void absorb(uint64_t word) {
        d ^= word;
        round();
        a ^= word;
    }
};

uint64_t load(const char* from, size_t size) {
    uint64_t word = 0;
    std::memcpy(&word, from, size);
    return word;
}

uint64_t sip_hash(const uint64_t (&salt)[2], Text key) {
    Sip sip(salt[0], salt[1]);
    const char* at = key.data();
    size_t left = key.size();
    for (; left >= 8; at += 8, left -= 8) sip.absorb(load(at, 8));
    sip.absorb((left != 0 ? load(at, left) : 0) | (uint64_t{key.size()} << 56U));
    sip.c ^= 0xff;
    for (int i = 0; i < 3; ++i) sip.round();
    return sip.a ^ sip.b ^ sip.c ^ sip.d;
}

void fill_salt(uint64_t (&salt)[2]) {
    // Without entropy at hand (it is early in the life of a machine) addresses and time still differ.
    if (::getrandom(salt, sizeof salt, GRND_NONBLOCK) == sizeof salt) return;
    salt[0] = reinterpret_cast<uintptr_t>(&salt);
    salt[1] = static_cast<uint64_t>(::time(nullptr));
}

}  // namespace

Index* Index::create(Lock& lock) {
    const size_t bytes = lock.page_count() * Slab::kPageSize;
    const size_t chains = std::max(std::bit_floor(bytes / kBytesPerChain), kFewestChains);
    void* table = lock.allocate(chains * sizeof(IndexNode*));
    if (table == nullptr) return nullptr;
    auto* index = lock.make<Index>();
    if (index == nullptr) {
        lock.free(table);
        return nullptr;
    }
    index->chains_ = static_cast<IndexNode**>(table);
    std::fill_n(index->chains_, chains, nullptr);
    index->mask_ = chains - 1;
    fill_salt(index->salt_);
    return index;
}

uint64_t Index::hash(Text key) const {
    return sip_hash(salt_, key);
}

void Index::insert(IndexNode& node, uint64_t hash) {
    IndexNode** head = chain(hash);
    node.hash = hash;
    node.next = *head;
    node.link = head;
    if (*head != nullptr) (*head)->link = &node.next;
    *head = &node;
    ++size_;
}

void Index::remove(IndexNode& node) {
    if (node.link == nullptr) return;
    *node.link = node.next;
    if (node.next != nullptr) node.next->link = node.link;
    node.next = nullptr;
    node.link = nullptr;
    --size_;
}

}  // namespace sluice::shm
