// What sessions of both sides have in common.
#include <cstdlib>
#include <cstring>

#include "library.h"
#include "library_memory.h"

namespace sluice::http2 {

namespace {

void* allocate(size_t size, void* memory) {
    return static_cast<LibraryMemory*>(memory)->allocate(size);
}

void release(void* freed, void* memory) {
    static_cast<LibraryMemory*>(memory)->release(freed);
}

void* allocate_zeroed(size_t count, size_t size, void* memory) {
    void* const made = allocate(count * size, memory);
    return made != nullptr ? std::memset(made, 0, count * size) : nullptr;
}

void* resize(void* old, size_t size, void* memory) {
    return static_cast<LibraryMemory*>(memory)->resize(old, size);
}

}  // namespace

nghttp2_mem functions_of(LibraryMemory& memory) {
    return {&memory, allocate, release, allocate_zeroed, resize};
}

/// Windows open as bytes are taken, and a stream that has closed costs nothing.
LibrarySetup::LibrarySetup() {
    if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&options) != 0) std::abort();
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_no_closed_streams(options, 1);
}

LibrarySetup::~LibrarySetup() {
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(options);
}

}  // namespace sluice::http2
