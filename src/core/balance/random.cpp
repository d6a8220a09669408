// Random selection.
#include "core/balance/random.h"

#include <sys/random.h>
#include <unistd.h>

#include "core/balance/keyed.h"

namespace sluice::balance {

namespace {

class RandomSelection final : public KeyedSelection {
 public:
    RandomSelection(const Peers& peers, script::Subject& subject, Random::Draw draw, Random::Source source)
        : KeyedSelection(peers, subject), draw_(draw), source_(source) {}

 private:
    size_t attempt(States& states, const Group& group, Seconds now) override {
        if (draw_ == Random::Draw::one) return draw(group);
        // The first of two outlives a second draw that was of no use.
        if (first_ != kNone && !is_usable(states, group, first_, now)) first_ = kNone;
        if (first_ == kNone) first_ = draw_usable(states, group, now);
        if (first_ == kNone) return kNone;
        const size_t second = draw_usable(states, group, now);
        if (second == kNone || second == first_) return kNone;
        return is_less_busy(states, group, first_, second) ? first_ : second;
    }

    size_t draw(const Group& group) const { return find_by_weight(group, source_() % group.total_weight); }
    size_t draw_usable(States& states, const Group& group, Seconds now) const {
        const size_t drawn = draw(group);
        return is_usable(states, group, drawn, now) ? drawn : kNone;
    }

    static bool is_less_busy(States& states, const Group& group, size_t a, size_t b) {
        const uint64_t left = uint64_t{states.of(group, a).connections} * group.peers[b].weight;
        return left < uint64_t{states.of(group, b).connections} * group.peers[a].weight;
    }

    Random::Draw draw_;
    Random::Source source_;
    size_t first_ = kNone;
};

uint64_t seed() {
    uint64_t bytes = 0;
    if (getrandom(&bytes, sizeof(bytes), GRND_NONBLOCK) != sizeof(bytes)) bytes = static_cast<uint64_t>(getpid());
    return bytes;
}

}  // namespace

/// SplitMix64.
uint32_t Random::next_number() {
    static uint64_t state = seed();
    state += 0x9e3779b97f4a7c15ULL;
    uint64_t mixed = state;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebULL;
    return static_cast<uint32_t>((mixed ^ (mixed >> 31U)) >> 32U);
}

Selection& Random::begin(script::Subject& subject) const {
    return *subject.arena().make<RandomSelection>(peers_, subject, draw_, source_);
}

}  // namespace sluice::balance
