// Recycled: memory of objects that come and go many at a time, kept for the next ones of their class. malloc() keeps
// only a few of a size at hand; the others it would merge with their neighbours and split anew.
#pragma once

#include <array>
#include <cstddef>
#include <new>

namespace sluice {

/// Base of a final class `T`, which is made by `new` and ended by `delete`. The memory of at most `most` objects is
/// kept, per process; not to be used from several threads. Under AddressSanitizer nothing is kept, so that what is
/// used after its end is found.
template <class T, size_t most>
class Recycled {
 public:
    static void* operator new(size_t size) { return count != 0 ? kept[--count] : ::operator new(size); }
    static void operator delete(void* memory) {
#if !defined(__SANITIZE_ADDRESS__)
        if (count != most) {
            kept[count++] = memory;
            return;
        }
#endif
        ::operator delete(memory);
    }

 private:
    static inline constinit std::array<void*, most> kept{};
    static inline constinit size_t count = 0;
};

}  // namespace sluice
