// ConfType: a module's configuration struct of one level, and Slot: where the current generation keeps it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/base/arena.h"
#include "core/base/result.h"

namespace sluice::conf {

class Parser;

/// Levels of configuration inside a family (core, http, stream). Families without a level leave it out.
enum class Level : uint8_t { main, server, location };
constexpr size_t kLevels = 3;

/// Index of a struct among those of its family and level; the loader writes it.
struct Slot {
    static constexpr uint32_t kNone = UINT32_MAX;
    uint32_t index = kNone;
    Level level = Level::main;
};

/// Per module by hidden visibility: every generation maps its own copy of a module, and so has its own slots.
template <class T>
struct SlotOf {
    static inline constinit Slot slot{};
};

/// A struct of the server itself that modules ask for declares `static Slot slot;`, defined once in the server.
template <class T>
Slot& slot_of() {
    if constexpr (requires { T::slot; }) {
        return T::slot;
    } else {
        return SlotOf<T>::slot;
    }
}

struct ConfType {
    Slot* (*slot)() = nullptr;
    /// Makes an object in the arena; its destructor runs with the arena's.
    void* (*make)(Arena&) = nullptr;
    /// Called once per object after inheritance; `enclosing` is the object of the outer block or null. May be null.
    /// Of an error about what the outermost block says for those inside, only these are told, if they take it over.
    Result<void> (*complete)(Parser&, void* object, const void* enclosing) = nullptr;

    constexpr explicit operator bool() const { return make != nullptr; }
};

/// `Complete`: Result<void>(Parser&, T& conf, const T* enclosing), for what follows from several directives together.
template <class T, auto Complete = nullptr>
constexpr ConfType conf_type() {
    ConfType type;
    type.slot = [] { return &slot_of<T>(); };
    type.make = [](Arena& arena) -> void* { return arena.make<T>(); };
    if constexpr (!std::is_null_pointer_v<decltype(Complete)>) {
        type.complete = [](Parser& parser, void* object, const void* enclosing) -> Result<void> {
            return Complete(parser, *static_cast<T*>(object), static_cast<const T*>(enclosing));
        };
    }
    return type;
}

}  // namespace sluice::conf
