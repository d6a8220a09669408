// The chunked coding: vectors at every split, limits, and the encoder against the decoder.
#include "http/h1/chunked.h"

#include <gtest/gtest.h>

#include "http/h1/render.h"
#include "http/h1/vectors.h"

namespace sluice::http::h1 {
namespace {

using test::replay_chunked;
using test::replay_vectors;

void replay(const std::string& name, Sender sender, Trailers trailers) {
    replay_vectors(name, [sender, trailers](const std::string& input, const std::vector<size_t>& ends) {
        return replay_chunked(input, ends, sender, trailers);
    });
}

TEST(Chunked, requests) {
    replay("chunked_requests.txt", Sender::client, Trailers::discard);
}
TEST(Chunked, responses) {
    replay("chunked_responses.txt", Sender::upstream, Trailers::discard);
}
TEST(Chunked, trailers) {
    replay("trailers.txt", Sender::upstream, Trailers::report);
}

std::vector<std::string> decode(const std::string& input) {
    return replay_chunked(input, {input.size()}, Sender::client, Trailers::discard);
}

TEST(Chunked, an_extension_has_a_limit) {
    const std::string fits = "1;" + std::string(ChunkedDecoder::kMaxExtension - 1, 'a') + "\r\nx\r\n0\r\n\r\n";
    EXPECT_EQ(decode(fits).back().substr(0, 4), "done");
    const std::string too_long = "1;" + std::string(ChunkedDecoder::kMaxExtension + 1, 'a');
    EXPECT_EQ(decode(too_long).back().substr(0, 6), "failed");
    const std::string each_fits =
        "1;" + std::string(900, 'a') + "\r\nx\r\n1;" + std::string(900, 'a') + "\r\ny\r\n0\r\n\r\n";
    EXPECT_EQ(decode(each_fits).front(), "body xy");
}

TEST(Chunked, trailers_have_a_limit) {
    std::string lines;
    for (int i = 0; i < 20; ++i) lines += "X: " + std::string(100, 'a') + "\r\n";
    EXPECT_EQ(decode("0\r\n" + lines + "\r\n").back().substr(0, 4), "done");
    while (lines.size() <= ChunkedDecoder::kMaxTrailers) lines += "X: " + std::string(100, 'a') + "\r\n";
    EXPECT_EQ(decode("0\r\n" + lines + "\r\n").back().substr(0, 6), "failed");
}

TEST(Chunked, the_largest_chunk) {
    ChunkedDecoder decoder(Sender::client);
    Text input = "7fffffffffffffff\r\nabc";
    Text data;
    EXPECT_EQ(decoder.next(input, data), ChunkEvent::data);
    EXPECT_EQ(data, "abc");
    EXPECT_EQ(decoder.chunk_left(), static_cast<uint64_t>(INT64_MAX) - 3);
    EXPECT_EQ(decoder.body_size(), 3U);
}

TEST(Chunked, data_is_handed_out_where_it_lies) {
    ChunkedDecoder decoder(Sender::client);
    constexpr Text kInput = "4\r\nWiki\r\n0\r\n\r\nGET";
    Text input = kInput;
    Text data;
    EXPECT_EQ(decoder.next(input, data), ChunkEvent::data);
    EXPECT_EQ(data.data(), kInput.data() + 3);
    EXPECT_EQ(decoder.next(input, data), ChunkEvent::done);
    EXPECT_EQ(input, "GET");
    EXPECT_EQ(decoder.next(input, data), ChunkEvent::done);
    EXPECT_TRUE(decoder.is_done());
}

TEST(Chunked, what_is_written_is_read) {
    const uint64_t sizes[]{1, 9, 10, 15, 16, 255, 256, 4095, 65536, 0xabcdef};
    for (const uint64_t size : sizes) {
        ChunkSizeLine room;
        std::string message(write_chunk_size(room, size));
        message += std::string(size, 'x');
        message += kChunkEnd;
        message += kLastChunk;
        ChunkedDecoder decoder(Sender::client);
        Text input = message;
        Text data;
        uint64_t seen = 0;
        ChunkEvent event;
        while ((event = decoder.next(input, data)) == ChunkEvent::data) seen += data.size();
        EXPECT_EQ(event, ChunkEvent::done);
        EXPECT_EQ(seen, size);
    }
    ChunkSizeLine room;
    EXPECT_EQ(write_chunk_size(room, 26), "1a\r\n");
    EXPECT_EQ(write_chunk_size(room, UINT64_MAX), "ffffffffffffffff\r\n");
}

}  // namespace
}  // namespace sluice::http::h1
