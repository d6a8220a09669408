// Received bytes lie in buffers of the loop's pool. A handler sees them for the time of one call, or keeps the
// buffer.
//
//   kernel ─► pool buffer ─► on_received(Received&) ─┬─ used or copied: the buffer goes back at once
//                                                    └─ take(): a BufferHold keeps it until it is destroyed
#pragma once

#include <cstdint>
#include <utility>

#include "core/base/text.h"

namespace sluice::event {

/// A buffer of the pool, counted by its holders.
class PoolBuffer {
 public:
    char* data = nullptr;
    uint32_t capacity = 0;
    uint32_t holders = 0;
    uint16_t id = 0;   ///< place in the kernel's ring of provided buffers
    uint8_t kind = 0;  ///< small or bulk
    void (*give_back)(PoolBuffer& buffer) = nullptr;
    void* owner = nullptr;

    void hold() { ++holders; }
    void release() {
        if (--holders == 0) give_back(*this);
    }
};

/// Keeps a buffer from being used again. Move-only; must not outlive the loop.
class BufferHold {
 public:
    BufferHold() = default;
    explicit BufferHold(PoolBuffer& buffer) : buffer_(&buffer) { buffer.hold(); }
    BufferHold(BufferHold&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
    BufferHold& operator=(BufferHold&& other) noexcept {
        if (this != &other) {
            reset();
            buffer_ = std::exchange(other.buffer_, nullptr);
        }
        return *this;
    }
    ~BufferHold() { reset(); }
    void reset() {
        if (buffer_ != nullptr) std::exchange(buffer_, nullptr)->release();
    }
    explicit operator bool() const { return buffer_ != nullptr; }
    /// Only when it holds one.
    PoolBuffer& buffer() const { return *buffer_; }

 private:
    PoolBuffer* buffer_ = nullptr;
};

/// What one delivery hands over. All of it counts as used when the handler returns.
class Received {
 public:
    Received(PoolBuffer& buffer, Text bytes) : buffer_(&buffer), bytes_(bytes) {}

    Text bytes() const { return bytes_; }
    /// The bytes fill so little of their buffer that copying them is better than keeping it: a slow peer must not pin
    /// it.
    bool is_small() const { return bytes_.size() * 4 < buffer_->capacity; }
    /// Keeps the buffer, and so the bytes, beyond the call.
    BufferHold take() { return BufferHold(*buffer_); }

 private:
    PoolBuffer* buffer_;
    Text bytes_;
};

}  // namespace sluice::event
