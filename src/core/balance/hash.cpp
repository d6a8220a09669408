// The two hash methods.
#include "core/balance/hash.h"

#include "core/balance/crc32.h"
#include "core/balance/keyed.h"

namespace sluice::balance {

namespace {

class HashSelection final : public KeyedSelection {
 public:
    HashSelection(const Peers& peers, script::Subject& subject, Text key)
        : KeyedSelection(peers, subject), key_(key) {}

 private:
    /// Cache::Memcached's: bits 16 to 30 of the CRC; a rehash puts its number before the key and adds up.
    size_t attempt(States&, const Group& group, Seconds) override {
        Crc32 crc;
        if (rehash_ > 0) {
            char digits[20];
            crc.update({digits, static_cast<size_t>(text::write_uint(digits, rehash_) - digits)});
        }
        ++rehash_;
        crc.update(key_);
        hash_ += (crc.value() >> 16U) & 0x7fffU;
        return find_by_weight(group, hash_ % group.total_weight);
    }

    Text key_;
    uint32_t hash_ = 0;
    uint32_t rehash_ = 0;
};

class ConsistentHashSelection final : public KeyedSelection {
 public:
    ConsistentHashSelection(const Peers& peers, script::Subject& subject, const Ring& ring, Text key)
        : KeyedSelection(peers, subject), ring_(ring), at_(ring.size() != 0 ? ring.find(key) : 0) {}

 private:
    /// A server may have several addresses: those take turns.
    size_t attempt(States& states, const Group& group, Seconds now) override {
        const Text server = group.peers[ring_.at(at_).server].server;
        Turns turns;
        for (size_t i = 0; i < group.peers.size(); ++i) {
            if (group.peers[i].server != server || !is_usable(states, group, i, now)) continue;
            turns.offer(i, group.peers[i], states.of(group, i));
        }
        const size_t winner = turns.winner();
        if (winner == kNone) ++at_;
        return winner;
    }

    const Ring& ring_;
    size_t at_;
};

}  // namespace

Selection& Hash::begin(script::Subject& subject) const {
    const Text key = key_.evaluate(subject);
    if (key.empty()) return RoundRobin(peers_).begin(subject);
    return *subject.arena().make<HashSelection>(peers_, subject, key);
}

ConsistentHash::ConsistentHash(Arena& arena, const Peers& peers, const script::Complex& key)
    : peers_(peers), key_(key), ring_(Ring::make(arena, peers.primary())) {}

Selection& ConsistentHash::begin(script::Subject& subject) const {
    const Text key = key_.evaluate(subject);
    if (key.empty()) return RoundRobin(peers_).begin(subject);
    return *subject.arena().make<ConsistentHashSelection>(peers_, subject, ring_, key);
}

}  // namespace sluice::balance
