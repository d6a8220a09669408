// Relay.
#include "http/upstream/relay.h"

#include <cerrno>

#include <unistd.h>

#include "http/temp_file.h"

namespace sluice::http::upstream {

Relay::~Relay() {
    recycle(waiting_);
    recycle(leaving_);
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
    in_memory_ = 0;
    buffers_ = 0;
    return chain;
}

void Relay::release() {
    recycle(leaving_);
    // All of the file has left: it begins anew.
    if (waiting_ == nullptr) file_size_ = 0;
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

Result<Text> Relay::spill(const TempPath& where) {
    Text made = "";
    if (!file_) {
        Result<TempFile> opened = open_temp_file(arena_, where, false);
        if (!opened) return opened.error();
        file_ = std::move(opened->fd);
        made = opened->path;
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
    Piece* memory = *at;
    const int64_t begin = file_size_;
    for (const Piece* piece = memory; piece != nullptr; piece = piece->next)
        if (Result<void> written = write(piece->buffer.text()); !written) return written.error();
    *at = nullptr;
    last_ = before;
    recycle(memory);
    in_memory_ = 0;
    buffers_ = 0;
    if (before != nullptr && before->buffer.file_end == begin) {
        before->buffer.file_end = file_size_;
        return made;
    }
    Piece& piece = make_piece();
    piece.buffer.fd = file_.get();
    piece.buffer.file_begin = begin;
    piece.buffer.file_end = file_size_;
    append(piece);
    return made;
}

Result<void> Relay::write(Text bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::pwrite(file_.get(), bytes.data(), bytes.size(), file_size_);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return Error("pwrite() failed", errno);
        file_size_ += count;
        bytes.remove_prefix(static_cast<size_t>(count));
    }
    return {};
}

}  // namespace sluice::http::upstream
