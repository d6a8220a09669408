// Arena: memory that lives as long as a connection, a request or a configuration, freed in one go.
// Blocks come from a per-process store, so that a request's arena costs no malloc once the worker is warm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "core/base/text.h"

namespace sluice {

class Arena {
 public:
    /// Bytes of a standard block, its header included. Larger requests get a block of their own.
    static constexpr size_t kBlockSize = 4096;

    Arena() = default;
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;
    ~Arena() { reset(); }

    /// Uninitialised memory, aligned to `align` (a power of two up to 64). Never null: out of memory aborts the
    /// process.
    void* allocate(size_t size, size_t align = alignof(std::max_align_t)) {
        char* at = aligned(free_, align);
        if (size > static_cast<size_t>(end_ - at) || at > end_) return allocate_slow(size, align);
        free_ = at + size;
        return at;
    }

    /// A new T; its destructor runs when the arena is reset, in reverse order of creation.
    template <class T, class... Args>
    T* make(Args&&... args) {
        if constexpr (std::is_trivially_destructible_v<T>) {
            return new (allocate(sizeof(T), alignof(T))) T{std::forward<Args>(args)...};
        } else {
            auto* cleanup = static_cast<Cleanup*>(allocate(sizeof(Cleanup), alignof(Cleanup)));
            T* object = new (allocate(sizeof(T), alignof(T))) T{std::forward<Args>(args)...};
            *cleanup = {[](void* p) { static_cast<T*>(p)->~T(); }, object, cleanups_};
            cleanups_ = cleanup;
            return object;
        }
    }

    /// Value-initialised array of trivially destructible elements.
    template <class T>
    std::span<T> make_array(size_t count) {
        static_assert(std::is_trivially_destructible_v<T>);
        T* first = static_cast<T*>(allocate(sizeof(T) * count, alignof(T)));
        for (size_t i = 0; i < count; ++i) new (first + i) T{};
        return {first, count};
    }

    std::span<char> make_bytes(size_t size) { return {static_cast<char*>(allocate(size, 1)), size}; }

    /// A copy that lives as long as the arena.
    Text copy(Text source) {
        if (source.empty()) return {};
        char* to = static_cast<char*>(allocate(source.size(), 1));
        std::memcpy(to, source.data(), source.size());
        return {to, source.size()};
    }
    /// A null-terminated copy, for system calls.
    const char* copy_c_str(Text source);

    /// The parts one behind the other.
    template <class... Parts>
    Text concat(const Parts&... parts) {
        const size_t size = (size_t{0} + ... + Text(parts).size());
        char* const begin = static_cast<char*>(allocate(size, 1));
        char* to = begin;
        ((to = append(to, Text(parts))), ...);
        return {begin, size};
    }

    /// Runs `function(argument)` when the arena is reset. Ownership of `argument` stays with the caller's function.
    void on_reset(void (*function)(void*), void* argument) {
        cleanups_ = new (allocate(sizeof(Cleanup), alignof(Cleanup))) Cleanup{function, argument, cleanups_};
    }

    /// Runs the destructors and gives all memory back. The arena can be used again.
    void reset();

    /// Bytes taken from the system or the block store, for tests and statistics.
    size_t reserved() const;

 private:
    struct Block {
        Block* next;
        size_t size;
    };
    struct Cleanup {
        void (*function)(void*);
        void* argument;
        Cleanup* next;
    };

    static char* append(char* to, Text part) {
        if (!part.empty()) std::memcpy(to, part.data(), part.size());
        return to + part.size();
    }
    static char* aligned(char* at, size_t align) {
        return reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(at) + align - 1) & ~(uintptr_t{align} - 1));
    }
    void* allocate_slow(size_t size, size_t align);

    char* free_ = nullptr;
    char* end_ = nullptr;
    Block* blocks_ = nullptr;
    Cleanup* cleanups_ = nullptr;
};

}  // namespace sluice
