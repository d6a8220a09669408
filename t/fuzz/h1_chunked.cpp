// Chunked bodies, whole and in pieces: the same body, the same end.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "http/h1/chunked.h"

namespace {

using namespace sluice;
using namespace sluice::http::h1;

struct Outcome {
    std::string body;
    ChunkEvent event = ChunkEvent::need_more;
    size_t used = 0;

    bool operator==(const Outcome&) const = default;
};

Outcome decode(Text input, size_t step, Sender sender, Trailers trailers) {
    Outcome outcome;
    ChunkedDecoder decoder(sender, trailers);
    while (outcome.event == ChunkEvent::need_more && outcome.used < input.size()) {
        const size_t end = std::min(outcome.used + step, input.size());
        const std::vector<char> bytes(input.begin() + static_cast<ptrdiff_t>(outcome.used),
                                      input.begin() + static_cast<ptrdiff_t>(end));
        Text rest(bytes.data(), bytes.size());
        Text data;
        while ((outcome.event = decoder.next(rest, data)) == ChunkEvent::data) outcome.body += data;
        outcome.used = end - rest.size();
    }
    if (decoder.body_size() != outcome.body.size()) std::abort();
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const Text input(reinterpret_cast<const char*>(data) + 1, size - 1);
    const Sender sender = (data[0] & 64U) != 0 ? Sender::client : Sender::upstream;
    const Trailers trailers = (data[0] & 128U) != 0 ? Trailers::discard : Trailers::report;
    const size_t step = 1 + data[0] % 32;
    if (decode(input, step, sender, trailers) != decode(input, size, sender, trailers)) std::abort();
    return 0;
}
