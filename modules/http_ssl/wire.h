// Wire: records on their way out, in buffers of the loop's pool. What was given to the kernel stays where it is until
// the connection says that it has left.
//
//   append() ─► pieces not given ─ give() ─► pieces given ─ release() ─► back in the pool
#pragma once

#include <sluice/core/base/text.h>
#include <sluice/event/chain.h>
#include <sluice/event/loop.h>
#include <sluice/event/received.h>

namespace sluice::tls {

class Wire {
 public:
    explicit Wire(event::Loop& loop) : loop_(loop) {}
    Wire(const Wire&) = delete;
    /// Only when the kernel has no part of it any more.
    ~Wire() { release(); }

    /// How much will come until the next give(): chooses the size of buffers.
    void expect(int64_t bytes) { expected_ = bytes; }
    void append(Text bytes);
    /// Something that the kernel will make a record of (event::Buffer::record_type).
    void append_record(uint8_t type, Text bytes);
    /// Bytes that were appended in all.
    uint64_t appended() const { return appended_; }
    /// There is something that give() would hand over.
    bool has_more() const { return next_ != nullptr; }
    /// All that was appended since the last call.
    event::Chain give();
    /// The first piece of what was appended since give(), only looked at; null: there is none.
    const event::Buffer* front() const;
    /// So much of the first piece has left without having been given.
    void consume(size_t size);
    /// Forgets what was not given.
    void drop();
    /// Everything that was given has left.
    void release();

 private:
    /// Stands at the begin of its own buffer.
    struct Piece {
        event::Buffer bytes;
        event::BufferHold hold;
        Piece* next;
    };

    Piece* add_piece(size_t size);
    size_t fill(Piece& piece, Text bytes);
    Piece* last_given() const;
    static void free_all(Piece* first, const Piece* end);

    event::Loop& loop_;
    Piece* first_ = nullptr;
    Piece* last_ = nullptr;
    Piece* next_ = nullptr;  ///< the first that was not given
    int64_t expected_ = 0;
    uint64_t appended_ = 0;
};

/// A buffer of the loop's pool, or one of the heap when the pool has reached its bound. Whoever takes it holds it.
event::PoolBuffer& take_buffer(event::Loop& loop, bool is_bulk);

}  // namespace sluice::tls
