// Chain: cutting and consuming.
#include "event/chain.h"

namespace sluice::event {

namespace {

/// Cuts `count` bytes off the front of a buffer.
void advance(Buffer& buffer, int64_t count) {
    if (buffer.is_file()) {
        buffer.file_begin += count;
    } else {
        buffer.begin += count;
    }
}

/// Keeps only the first `count` bytes of a buffer.
void truncate(Buffer& buffer, int64_t count) {
    if (buffer.is_file()) {
        buffer.file_end = buffer.file_begin + count;
    } else {
        buffer.end = buffer.begin + count;
    }
}

}  // namespace

Chain Chain::split(Buffer& cut, int64_t count) {
    Chain front;
    while (head_ != nullptr && front.size_ < count) {
        Buffer* buffer = head_;
        const int64_t wanted = count - front.size_;
        if (buffer->size() > wanted) {
            cut = *buffer;
            truncate(cut, wanted);
            advance(*buffer, wanted);
            size_ -= wanted;
            front.append(cut);
            break;
        }
        head_ = buffer->next;
        size_ -= buffer->size();
        front.append(*buffer);
    }
    if (head_ == nullptr) tail_ = nullptr;
    return front;
}

void Chain::consume(int64_t count) {
    while (head_ != nullptr) {
        const int64_t size = head_->size();
        if (count < size) {
            advance(*head_, count);
            size_ -= count;
            return;
        }
        count -= size;
        size_ -= size;
        head_ = head_->next;
    }
    tail_ = nullptr;
}

}  // namespace sluice::event
