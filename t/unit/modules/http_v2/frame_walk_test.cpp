// FrameWalk: finds what it looks for between all kinds of frames, however the bytes are cut.
#include "http_v2/frame_walk.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

using sluice::Text;
using sluice::http2::FrameWalk;

std::string frame(char kind, int stream, const std::string& payload) {
    std::string out;
    for (const int shift : {16, 8, 0}) out += static_cast<char>(payload.size() >> shift & 0xff);
    out += kind;
    out += '\0';
    for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(stream >> shift & 0xff);
    return out + payload;
}

const std::string kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const std::string kNothing(4, '\0');

/// What is found in pieces of `bytes`: the places, by the number of the byte.
std::vector<std::pair<size_t, int32_t>> walk(const std::vector<std::string>& pieces) {
    FrameWalk walk;
    std::vector<std::pair<size_t, int32_t>> found;
    size_t passed = 0;
    for (const std::string& piece : pieces) {
        for (Text rest = piece; !rest.empty();) {
            const FrameWalk::Found one = walk.next(rest);
            if (one.stream != 0) found.emplace_back(passed + one.before, one.stream);
            const size_t size = one.before + (one.stream != 0 ? FrameWalk::kUpdateSize : 0);
            EXPECT_LE(size, rest.size());
            rest.remove_prefix(size);
            passed += size;
        }
    }
    return found;
}

TEST(FrameWalk, FindsUpdatesOfNothing) {
    const std::string before = kPreface + frame(4, 0, "") + frame(0, 1, "\x08" + std::string(20, '\0')) +
                               frame(8, 1, std::string("\0\0\0\1", 4)) + frame(8, 0, kNothing) + frame(8, 1, "");
    const std::string update = frame(8, 77, kNothing);
    const std::string all =
        before + update + update + frame(6, 0, "12345678") + frame(8, 5, std::string("\x80\0\0\0", 4));
    const std::vector<std::pair<size_t, int32_t>> expected{
        {before.size(), 77}, {before.size() + 13, 77}, {before.size() + 26 + 17, 5}};
    EXPECT_EQ(walk({all}), expected);
    for (size_t cut = 1; cut < all.size(); ++cut) {
        std::vector<std::pair<size_t, int32_t>> whole;
        for (const auto& one : expected)
            if (cut <= one.first || cut >= one.first + 13) whole.push_back(one);
        EXPECT_EQ(walk({all.substr(0, cut), all.substr(cut)}), whole) << cut;
    }
    std::vector<std::string> bytes;
    for (const char byte : all) bytes.emplace_back(1, byte);
    EXPECT_TRUE(walk(bytes).empty());
}

}  // namespace
