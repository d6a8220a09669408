// Output.
#include "output.h"

#include <cstdlib>
#include <cstring>
#include <utility>

namespace sluice::http2 {

namespace {

/// DATA fills it, and its trailers still follow.
constexpr size_t kCapacity = Output::kFull + 2 * Output::kLargestFrame;

/// Nearly always one buffer is enough for all connections of the worker: what was written leaves at once.
constinit char* spare = nullptr;

}  // namespace

char* Output::room() {
    if (memory_ == nullptr) {
        memory_ = spare != nullptr ? std::exchange(spare, nullptr) : static_cast<char*>(std::malloc(kCapacity));
        if (memory_ == nullptr) std::abort();
    }
    return memory_ + size_;
}

void Output::add(Text bytes) {
    std::memcpy(room(), bytes.data(), bytes.size());
    size_ += bytes.size();
}

event::Chain Output::take() {
    buffer_ = {.begin = memory_, .end = memory_ + size_};
    event::Chain chain;
    chain.append(buffer_);
    return chain;
}

void Output::release() {
    size_ = 0;
    char* const memory = std::exchange(memory_, nullptr);
    if (spare == nullptr) {
        spare = memory;
    } else {
        std::free(memory);
    }
}

void Output::drop_spare() {
    std::free(std::exchange(spare, nullptr));
}

}  // namespace sluice::http2
