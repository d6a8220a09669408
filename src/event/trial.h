// Trial: whether something that is meant to save does so here. It is left out, or done, for one spell in a while, and
// what that spell cost is compared with the one before it: the load changes too, but seldom in between.
#pragma once

#include <algorithm>
#include <cstdint>

namespace sluice::event {

class Trial {
 public:
    /// Whether to do it in the spell that begins.
    bool is_on() const { return is_chosen_ != is_trying_; }

    /// A spell is over; `cost` is what a piece of work cost in it, in any unit, more than 0.
    void add(double cost) {
        if (is_trying_) judge(1 - cost / usual_cost_);
        usual_cost_ = cost;
        is_trying_ = !is_trying_ && --spells_left_ == 0;
    }

 private:
    /// Between two trials; the more the clearer the choice is.
    static constexpr uint32_t kFewestSpells = 2;
    static constexpr uint32_t kMostSpells = 32;
    static constexpr double kWeight = 0.125;     ///< of one comparison
    static constexpr double kOutlier = 0.15;     ///< no single comparison says more, and none decides alone
    static constexpr double kWorthwhile = 0.02;  ///< as a share of the cost; less is not worth changing over

    /// The other way has saved `share` of the usual cost.
    void judge(double share) {
        saved_ += (std::clamp(share, -kOutlier, kOutlier) - saved_) * kWeight;
        spells_ = share < 0 ? std::min(spells_ * 2, kMostSpells) : std::max(spells_ / 2, kFewestSpells);
        if (saved_ >= kWorthwhile) {
            is_chosen_ = !is_chosen_;
            saved_ = -saved_;
            spells_ = kFewestSpells;
        }
        spells_left_ = spells_;
    }

    bool is_chosen_ = true;
    bool is_trying_ = false;
    uint32_t spells_ = kFewestSpells;       ///< between the last trial and the next
    uint32_t spells_left_ = kFewestSpells;  ///< until the next
    double usual_cost_ = 0;
    double saved_ = 0;  ///< by the way that is not chosen, smoothed
};

}  // namespace sluice::event
