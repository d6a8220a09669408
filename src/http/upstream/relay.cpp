// Relay.
#include "http/upstream/relay.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <unistd.h>

#include "http/temp_file.h"

namespace sluice::http::upstream {

Relay::~Relay() {
    if (writer_ != nullptr) writer_->leave();
    recycle(waiting_);
    recycle(leaving_);
    if (file_ != nullptr) file_->fd.reset();
}

// Pieces are used again, so that an answer without end takes no memory without end.
Relay::Piece& Relay::make_piece() {
    if (spare_ == nullptr) return *new (arena_.allocate(sizeof(Piece), alignof(Piece))) Piece{};
    Piece& piece = *spare_;
    spare_ = piece.next;
    piece.next = nullptr;
    piece.buffer = {};
    return piece;
}

void Relay::append(Piece& piece) {
    (waiting_ != nullptr ? last_->next : waiting_) = &piece;
    last_ = &piece;
}

void Relay::add(event::Received& received, Text bytes) {
    add(bytes);
    last_->hold = received.take();
    ++buffers_;
}

void Relay::add(Text bytes) {
    Piece& piece = make_piece();
    piece.buffer.begin = bytes.data();
    piece.buffer.end = bytes.data() + bytes.size();
    append(piece);
    in_memory_ += static_cast<int64_t>(bytes.size());
}

event::Chain Relay::take() {
    event::Chain chain;
    for (Piece* piece = waiting_; piece != nullptr; piece = piece->next) chain.append(piece->buffer);
    if (waiting_ != nullptr) {
        last_->next = leaving_;
        leaving_ = waiting_;
        waiting_ = last_ = nullptr;
    }
    leaving_bytes_ = static_cast<uint32_t>(std::min<int64_t>(held(), UINT32_MAX));
    in_memory_ = 0;
    buffers_ = 0;
    return chain;
}

void Relay::release() {
    recycle(leaving_);
    leaving_bytes_ = 0;
    // All of the file has left: it begins anew.
    if (waiting_ == nullptr && writer_ == nullptr) file_size_ = 0;
}

void Relay::recycle(Piece*& list) {
    while (list != nullptr) {
        Piece& piece = *list;
        list = piece.next;
        piece.hold.reset();
        piece.next = spare_;
        spare_ = &piece;
    }
}

Result<Text> Relay::spill(const TempPath& where, const SpillThreads* threads) {
    Text made = "";
    if (file_ == nullptr) {
        Result<TempFile> opened = open_temp_file(arena_, where, false);
        if (!opened) return opened.error();
        made = opened->path;
        file_ = arena_.make<TempFile>(std::move(*opened));
        // Nobody else needs its name.
        ::unlink(made.data());
    }
    // What waits in the file lies before what waits in memory.
    Piece** at = &waiting_;
    Piece* before = nullptr;
    while (*at != nullptr && (*at)->buffer.is_file()) {
        before = *at;
        at = &(*at)->next;
    }
    Piece* memory = std::exchange(*at, nullptr);
    last_ = before;
    const int64_t size = std::exchange(in_memory_, 0);
    buffers_ = 0;
    Result<void> done = threads != nullptr ? begin_writing(memory, *threads) : write_all(memory);
    recycle(memory);
    if (!done) return done.error();
    if (threads == nullptr) append_written(size);
    return made;
}

Error Relay::write_error(int number) const {
    return Error("pwrite() \"" + std::string(file_->path) + "\" failed", number);
}

Result<void> Relay::write_all(const Piece* pieces) const {
    int64_t at = file_size_;
    for (const Piece* piece = pieces; piece != nullptr; piece = piece->next) {
        if (!write_piece(file_->fd.get(), piece->buffer.text(), at)) return write_error(errno);
        at += piece->buffer.size();
    }
    return {};
}

Result<void> Relay::begin_writing(Piece* pieces, const SpillThreads& threads) {
    writer_ = new SpillWriter(threads);
    for (Piece* piece = pieces; piece != nullptr; piece = piece->next)
        writer_->add(piece->buffer.text(), std::move(piece->hold));
    if (writer_->start(file_->fd.get(), file_size_)) return {};
    const Error error = write_error(errno);
    std::exchange(writer_, nullptr)->leave();
    return error;
}

Result<void> Relay::end_writing() {
    const int error = writer_->error();
    const int64_t size = writer_->size();
    std::exchange(writer_, nullptr)->leave();
    if (error != 0) return write_error(error);
    append_written(size);
    return {};
}

/// Bytes at the file's end wait, too.
void Relay::append_written(int64_t size) {
    const int64_t begin = file_size_;
    file_size_ += size;
    if (waiting_ != nullptr && last_->buffer.file_end == begin) {
        last_->buffer.file_end = file_size_;
        return;
    }
    Piece& piece = make_piece();
    piece.buffer.fd = file_->fd.get();
    piece.buffer.file_begin = begin;
    piece.buffer.file_end = file_size_;
    append(piece);
}

}  // namespace sluice::http::upstream
