// Output: the frames of all streams, gathered into one buffer that leaves in one send. The memory belongs to the
// worker and is a connection's only while there is something in it.
#pragma once

#include <cstdint>

#include <sluice/core/base/text.h>
#include <sluice/event/chain.h>

namespace sluice::http2 {

class Output {
 public:
    /// Beyond so many bytes the buffer leaves before more is written.
    static constexpr size_t kFull = 48 * 1024;
    /// The most that one frame may add, and behind a frame that has filled it one more.
    static constexpr size_t kLargestFrame = 16 * 1024 + 64;

    Output() = default;
    Output(const Output&) = delete;
    ~Output() { release(); }

    bool is_full() const { return size_ >= kFull; }
    bool is_empty() const { return size_ == 0; }
    size_t size() const { return size_; }
    /// Copies bytes behind the others; at most kLargestFrame while it is not full.
    void add(Text bytes);
    /// Room behind the others for as many; add_written() says how many of them there are.
    char* room();
    void add_written(size_t size) { size_ += size; }
    char* data() { return memory_; }
    /// All of it, as a chain of one buffer that lives until release().
    event::Chain take();
    /// What was taken has left.
    void release();

    /// The worker leaves: gives memory back that nobody uses.
    static void drop_spare();

 private:
    char* memory_ = nullptr;
    size_t size_ = 0;
    event::Buffer buffer_;
};

}  // namespace sluice::http2
