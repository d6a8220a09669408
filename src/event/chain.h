// Chain: a sequence of buffers on its way out: pieces of memory and ranges of files. Buffers live in the arena of
// whoever produces them and are never copied; the producer must leave them alone until the chain has been sent.
#pragma once

#include <cstdint>

#include "core/base/arena.h"
#include "core/base/text.h"

namespace sluice::event {

/// One piece. A file range has `fd` >= 0 and lies between `file_begin` and `file_end`; memory has `fd` < 0.
struct Buffer {
    const char* begin = nullptr;
    const char* end = nullptr;
    int fd = -1;
    bool is_direct = false;  ///< a file opened with O_DIRECT: it is read, aligned, and never sent by itself
    /// Memory of a socket that encrypts by itself: this type of TLS record (RFC 8446 §5.1: an alert, a message of a
    /// handshake), and not data.
    uint8_t record_type = 0;
    int64_t file_begin = 0;
    int64_t file_end = 0;
    Buffer* next = nullptr;

    bool is_file() const { return fd >= 0; }
    /// Bytes that may leave together with those of their neighbours.
    bool is_data() const { return fd < 0 && record_type == 0; }
    int64_t size() const { return is_file() ? file_end - file_begin : end - begin; }
    Text text() const { return {begin, static_cast<size_t>(end - begin)}; }
};

class Chain {
 public:
    Chain() = default;

    bool empty() const { return head_ == nullptr; }
    /// Bytes in all buffers.
    int64_t size() const { return size_; }
    Buffer* head() const { return head_; }
    Buffer* tail() const { return tail_; }

    bool has_files() const {
        for (const Buffer* buffer = head_; buffer != nullptr; buffer = buffer->next)
            if (buffer->is_file()) return true;
        return false;
    }

    /// Appends memory, without copying it.
    void add(Arena& arena, Text memory) {
        if (!memory.empty()) append(*arena.make<Buffer>(memory.data(), memory.data() + memory.size()));
    }
    /// Appends `length` bytes of a file from `offset` on. The descriptor stays the caller's.
    void add_file(Arena& arena, int fd, int64_t offset, int64_t length) {
        if (length > 0) append(*arena.make<Buffer>(nullptr, nullptr, fd, false, uint8_t{0}, offset, offset + length));
    }
    /// Appends what `other` consists of; the memory itself is common to both.
    void add_copy(Arena& arena, const Chain& other) {
        for (const Buffer* buffer = other.head_; buffer != nullptr; buffer = buffer->next)
            append(*arena.make<Buffer>(*buffer));
    }
    void append(Buffer& buffer) {
        buffer.next = nullptr;
        (tail_ != nullptr ? tail_->next : head_) = &buffer;
        tail_ = &buffer;
        size_ += buffer.size();
    }
    void prepend(Buffer& buffer) {
        buffer.next = head_;
        head_ = &buffer;
        if (tail_ == nullptr) tail_ = &buffer;
        size_ += buffer.size();
    }
    /// Moves all of `other` to the end; `other` is empty then.
    void splice(Chain& other) {
        if (other.empty()) return;
        (tail_ != nullptr ? tail_->next : head_) = other.head_;
        tail_ = other.tail_;
        size_ += other.size_;
        other = {};
    }
    /// Moves the first `count` bytes (all, if there are fewer) into a chain of their own. A buffer in the way is cut
    /// in two: `cut` becomes the end of that chain, and stays as it is until the chain has been sent.
    Chain split(Buffer& cut, int64_t count);
    /// Drops the first `count` bytes: they were sent.
    void consume(int64_t count);
    void clear() { *this = {}; }

 private:
    Buffer* head_ = nullptr;
    Buffer* tail_ = nullptr;
    int64_t size_ = 0;
};

}  // namespace sluice::event
