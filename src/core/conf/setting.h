// Setting<T>: a configured value, and where it comes from. There are no sentinel values and no merge functions.
#pragma once

#include <cstdint>
#include <utility>

namespace sluice::conf {

enum class Origin : uint8_t {
    unset,      ///< nobody wrote it and it has no default
    initial,    ///< the directive's default
    inherited,  ///< written in an enclosing block
    here,       ///< written in this very block
};

template <class T>
struct Setting {
    using Value = T;

    T value{};
    Origin origin = Origin::unset;

    const T& operator*() const { return value; }
    const T* operator->() const { return &value; }
    /// Written by the user, here or in an enclosing block.
    bool is_set() const { return origin >= Origin::inherited; }
    bool is_here() const { return origin == Origin::here; }

    /// What a directive of this block does.
    void set(T written) {
        value = std::move(written);
        origin = Origin::here;
    }
    /// Takes over what the enclosing block has, unless this block has its own.
    void inherit(const Setting& enclosing) {
        if (origin == Origin::here || enclosing.origin == Origin::unset) return;
        value = enclosing.value;
        origin = enclosing.origin == Origin::here ? Origin::inherited : enclosing.origin;
    }
};

}  // namespace sluice::conf

namespace sluice {
using conf::Setting;
}
