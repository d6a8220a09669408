// Output.
#include "output.h"

#include <cstdlib>
#include <cstring>
#include <utility>

namespace sluice::http2 {

namespace {

constexpr size_t kCapacity = Output::kFull + Output::kLargestFrame;

/// Nearly always one buffer is enough for all connections of the worker: what was written leaves at once.
constinit char* spare = nullptr;

}  // namespace

void Output::add(Text bytes) {
    if (memory_ == nullptr) {
        memory_ = spare != nullptr ? std::exchange(spare, nullptr) : static_cast<char*>(std::malloc(kCapacity));
        if (memory_ == nullptr) std::abort();
    }
    std::memcpy(memory_ + size_, bytes.data(), bytes.size());
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
