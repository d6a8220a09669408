// StateType: what a module keeps for one request; found by type, made on demand, destroyed with the request.
#pragma once

#include <cstdint>

namespace sluice::http {

/// Index of a module's state among those of a request; written at load, per module by hidden visibility.
struct StateSlot {
    static constexpr uint32_t kNone = UINT32_MAX;
    uint32_t index = kNone;
};

template <class T>
struct StateSlotOf {
    static inline constinit StateSlot slot{};
};

/// A state of the server itself that modules ask for declares `static StateSlot state_slot;`.
template <class T>
StateSlot& state_slot_of() {
    if constexpr (requires { T::state_slot; }) {
        return T::state_slot;
    } else {
        return StateSlotOf<T>::slot;
    }
}

struct StateType {
    StateSlot* (*slot)() = nullptr;
    constexpr explicit operator bool() const { return slot != nullptr; }
};

template <class T>
constexpr StateType state_type() {
    return {[] { return &state_slot_of<T>(); }};
}

}  // namespace sluice::http
