// BodyReader.
#include "http/h1/body_reader.h"

#include <algorithm>

#include "http/request.h"

namespace sluice::http::h1 {

void BodyReader::begin_empty() {
    is_chunked_ = is_broken_ = false;
    is_complete_ = true;
    left_ = 0;
}

void BodyReader::begin_length(int64_t length) {
    begin_empty();
    left_ = length;
    is_complete_ = length == 0;
}

void BodyReader::begin_chunked() {
    begin_empty();
    chunks_ = ChunkedDecoder(Sender::client);
    is_chunked_ = true;
    is_complete_ = false;
}

Text BodyReader::next_piece(Text& bytes) {
    if (!is_chunked_) {
        const auto size = static_cast<size_t>(std::min<int64_t>(left_, static_cast<int64_t>(bytes.size())));
        const Text piece = bytes.substr(0, size);
        bytes.remove_prefix(size);
        left_ -= static_cast<int64_t>(size);
        is_complete_ = left_ == 0;
        return piece;
    }
    Text piece;
    switch (chunks_.next(bytes, piece)) {
        case ChunkEvent::data: return piece;
        case ChunkEvent::done: is_complete_ = true; break;
        case ChunkEvent::failed: is_broken_ = true; break;
        case ChunkEvent::need_more:
        case ChunkEvent::trailers: break;
    }
    return {};
}

Text BodyReader::feed(Request& request, Text bytes, const bool& is_paused) {
    while (!bytes.empty() && !is_complete_ && !is_paused && !request.is_finished()) {
        const size_t size = bytes.size();
        const Text piece = next_piece(bytes);
        request.head_length += static_cast<int64_t>(size - bytes.size() - piece.size());
        const int64_t came = request.body.received + static_cast<int64_t>(piece.size());
        if (is_chunked_ && chunks_.chunk_left() >= static_cast<uint64_t>(INT64_MAX - came)) is_broken_ = true;
        if (is_broken_) {
            request.log().error(0, "client sent invalid chunked body");
            request.body.fail(request, 400);
            return {};
        }
        if (is_chunked_ && !request.body.has_room_for(request, static_cast<int64_t>(chunks_.chunk_left()))) return {};
        if (piece.empty() && !is_complete_) break;
        request.body.feed(request, piece, is_complete_);
    }
    return bytes;
}

Text BodyReader::skip(Text bytes) {
    while (!bytes.empty() && !is_complete_ && !is_broken_) {
        if (next_piece(bytes).empty() && !is_complete_) break;
    }
    return bytes;
}

}  // namespace sluice::http::h1
