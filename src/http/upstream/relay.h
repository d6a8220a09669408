// Relay: the body of an answer on its way to a client that may be slower than the upstream: buffers as they were
// received, then a temporary file. Nothing is copied but into the file.
#pragma once

#include <cstdint>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "event/chain.h"
#include "event/received.h"
#include "http/conf/location_conf.h"
#include "http/upstream/spill_writer.h"

namespace sluice::http {
struct TempFile;
}

namespace sluice::http::upstream {

class Relay {
 public:
    explicit Relay(Arena& arena) : arena_(arena) {}
    Relay(const Relay&) = delete;
    ~Relay();

    /// Appends a piece that lies in `received`.
    void add(event::Received& received, Text piece);
    /// Appends bytes that live as long as the arena.
    void add(Text bytes);
    /// Takes all that waits; it stays untouched until release().
    event::Chain take();
    /// What was taken has left.
    void release();

    /// Bytes that wait in memory.
    int64_t in_memory() const { return in_memory_; }
    /// These, and those in memory that were taken and have not left.
    int64_t held() const { return in_memory_ + leaving_bytes_; }
    bool is_empty() const { return waiting_ == nullptr; }
    /// Buffers of the pool that wait.
    uint32_t buffers() const { return buffers_; }

    /// Writes what waits in memory to the file, making it first. Returns its path when it was made now, else "". With
    /// `threads`, it is_writing() then; until end_writing() nothing is added, nor taken.
    Result<Text> spill(const TempPath& where, const SpillThreads* threads);
    bool is_writing() const { return writer_ != nullptr; }
    /// In `done` of the threads: what was written waits in the file now.
    Result<void> end_writing();
    /// Bytes of the file in use.
    int64_t file_size() const { return file_size_; }

 private:
    struct Piece {
        event::Buffer buffer;
        event::BufferHold hold;
        Piece* next = nullptr;
    };

    Piece& make_piece();
    void append(Piece& piece);
    void append_written(int64_t size);
    Error write_error(int number) const;
    Result<void> write_all(const Piece* pieces) const;
    Result<void> begin_writing(Piece* pieces, const SpillThreads& threads);
    void recycle(Piece*& list);

    Arena& arena_;
    Piece* waiting_ = nullptr;
    Piece* last_ = nullptr;
    Piece* leaving_ = nullptr;
    Piece* spare_ = nullptr;
    int64_t in_memory_ = 0;
    uint32_t buffers_ = 0;
    uint32_t leaving_bytes_ = 0;  ///< as many as it can count
    TempFile* file_ = nullptr;    ///< made by the first spill(); its name is for messages, the folder has it no more
    int64_t file_size_ = 0;
    SpillWriter* writer_ = nullptr;
};

}  // namespace sluice::http::upstream
