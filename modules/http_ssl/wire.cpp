// Wire.
#include "wire.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include <sluice/event/buffer_pool.h>

namespace sluice::tls {

using event::BufferPool;
using event::PoolBuffer;

PoolBuffer& take_buffer(event::Loop& loop, bool is_bulk) {
    PoolBuffer* buffer = is_bulk ? loop.buffers().take(BufferPool::Kind::bulk) : nullptr;
    if (buffer == nullptr) buffer = loop.buffers().take(BufferPool::Kind::small);
    if (buffer != nullptr) return *buffer;
    buffer = new PoolBuffer;
    buffer->data = new char[BufferPool::kSmallSize];
    buffer->capacity = BufferPool::kSmallSize;
    buffer->give_back = [](PoolBuffer& returned) {
        delete[] returned.data;
        delete &returned;
    };
    return *buffer;
}

Wire::Piece* Wire::add_piece(size_t size) {
    const size_t wanted = std::max(size, static_cast<size_t>(std::max<int64_t>(expected_, 0)));
    PoolBuffer& buffer = take_buffer(loop_, wanted + sizeof(Piece) > BufferPool::kSmallSize);
    char* const begin = buffer.data + sizeof(Piece);
    auto* const piece = new (buffer.data)
        Piece{.bytes = {.begin = begin, .end = begin}, .hold = event::BufferHold(buffer), .next = nullptr};
    (last_ != nullptr ? last_->next : first_) = piece;
    last_ = piece;
    if (next_ == nullptr) next_ = piece;
    return piece;
}

/// How much there was room for.
size_t Wire::fill(Piece& piece, Text bytes) {
    const PoolBuffer& buffer = piece.hold.buffer();
    const auto room = static_cast<size_t>(buffer.data + buffer.capacity - piece.bytes.end);
    const size_t taken = std::min(room, bytes.size());
    std::memcpy(const_cast<char*>(piece.bytes.end), bytes.data(), taken);
    piece.bytes.end += taken;
    appended_ += taken;
    return taken;
}

void Wire::append(Text bytes) {
    bool has_room = next_ != nullptr;
    while (!bytes.empty()) {
        const size_t taken = fill(has_room ? *last_ : *add_piece(bytes.size()), bytes);
        expected_ -= static_cast<int64_t>(taken);
        bytes.remove_prefix(taken);
        has_room = false;
    }
}

void Wire::append_record(uint8_t type, Text bytes) {
    while (!bytes.empty()) {
        Piece& piece = *add_piece(bytes.size());
        piece.bytes.record_type = type;
        bytes.remove_prefix(fill(piece, bytes));
    }
}

event::Chain Wire::give() {
    event::Chain chain;
    for (Piece* piece = next_; piece != nullptr; piece = piece->next) chain.append(piece->bytes);
    next_ = nullptr;
    return chain;
}

const event::Buffer* Wire::front() const {
    return next_ != nullptr ? &next_->bytes : nullptr;
}

/// Null: nothing is with the kernel.
Wire::Piece* Wire::last_given() const {
    if (first_ == next_) return nullptr;
    Piece* piece = first_;
    while (piece->next != next_) piece = piece->next;
    return piece;
}

void Wire::consume(size_t size) {
    next_->bytes.begin += size;
    if (next_->bytes.size() != 0) return;
    Piece* const before = last_given();
    Piece* const left = std::exchange(next_, next_->next);
    free_all(left, next_);
    (before != nullptr ? before->next : first_) = next_;
    if (next_ == nullptr) last_ = before;
}

void Wire::free_all(Piece* first, const Piece* end) {
    while (first != end) {
        // The piece lies in the buffer that it holds.
        const event::BufferHold hold = std::move(first->hold);
        first = first->next;
    }
}

void Wire::drop() {
    if (next_ == nullptr) return;
    Piece* const before = last_given();
    free_all(next_, nullptr);
    (before != nullptr ? before->next : first_) = nullptr;
    last_ = before;
    next_ = nullptr;
}

void Wire::release() {
    free_all(first_, next_);
    first_ = next_;
    if (first_ == nullptr) last_ = nullptr;
}

}  // namespace sluice::tls
