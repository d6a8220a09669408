// The attempts of keyed methods.
#include "core/balance/keyed.h"

namespace sluice::balance {

size_t KeyedSelection::choose(States& states, const Group& group, Seconds now) {
    // Attempts count over all tries of a request, as in nginx; a method with a key knows no backups.
    while (failed_attempts_ <= kMostAttempts && group.total_weight != 0 && &group == &peers().primary()) {
        const size_t index = attempt(states, group, now);
        if (index != kNone && is_usable(states, group, index, now)) return index;
        ++failed_attempts_;
    }
    return choose_round_robin(states, group, now);
}

size_t KeyedSelection::find_by_weight(const Group& group, uint64_t point) {
    size_t index = 0;
    while (point >= group.peers[index].weight) point -= group.peers[index++].weight;
    return index;
}

}  // namespace sluice::balance
