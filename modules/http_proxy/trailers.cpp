// Trailers.
#include "trailers.h"

#include <algorithm>
#include <cstring>

namespace sluice::proxy {

using http::h1::Progress;
using http::upstream::BodyState;

void Trailers::store(http::upstream::Exchange& exchange) {
    const http::h1::HeaderLine& line = parser_.line();
    const Text buffer{buffer_, size_};
    exchange.add_trailer(
        {.name = line.name.in(buffer), .value = line.value.in(buffer), .hash = line.hash, .known = line.known});
}

BodyState Trailers::read(http::upstream::Exchange& exchange, Text& bytes, size_t most) {
    http::Request& request = exchange.request();
    if (buffer_ == nullptr) buffer_ = exchange.arena().make_bytes(most).data();
    const size_t before = size_;
    const size_t taken = std::min(bytes.size(), most - size_);
    std::memcpy(buffer_ + size_, bytes.data(), taken);
    size_ += taken;
    for (;;) {
        switch (parser_.parse({buffer_, size_})) {
            case Progress::complete: store(exchange); break;
            case Progress::end_of_head: bytes.remove_prefix(parser_.end() - before); return BodyState::done;
            case Progress::failed: request.log().error(0, "upstream sent invalid trailer"); return BodyState::invalid;
            case Progress::need_more:
                bytes.remove_prefix(taken);
                if (size_ < most) return BodyState::more;
                request.log().error(0, "upstream sent too big trailers");
                return BodyState::invalid;
        }
    }
}

}  // namespace sluice::proxy
