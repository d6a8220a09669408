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

/// What is found in pieces of `bytes`: the places, by the number of the byte. All bytes come through, in their order.
std::vector<std::pair<size_t, int32_t>> walk(const std::vector<std::string>& pieces) {
    FrameWalk walk(FrameWalk::kPrefaceSize);
    std::vector<std::pair<size_t, int32_t>> found;
    std::string all;
    std::string passed;
    for (const std::string& piece : pieces) {
        all += piece;
        for (Text rest = piece; !rest.empty();) {
            const FrameWalk::Step step = walk.next(rest);
            passed += step.passed;
            if (step.stream == 0) continue;
            found.emplace_back(passed.size(), step.stream);
            EXPECT_EQ(step.update.size(), FrameWalk::kUpdateSize);
            passed += step.update;
        }
        EXPECT_EQ(passed, all.substr(0, passed.size()));
        EXPECT_LT(all.size() - passed.size(), FrameWalk::kUpdateSize);
    }
    EXPECT_EQ(passed, all);
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
    for (size_t cut = 1; cut < all.size(); ++cut)
        EXPECT_EQ(walk({all.substr(0, cut), all.substr(cut)}), expected) << cut;
    std::vector<std::string> bytes;
    for (const char byte : all) bytes.emplace_back(1, byte);
    EXPECT_EQ(walk(bytes), expected);
}

TEST(FrameWalk, FindsContinuationsThatAreTooLarge) {
    constexpr size_t kMost = 16384;
    const auto is_too_large = [](const std::string& bytes, size_t cut) {
        FrameWalk walk(0);
        for (Text piece : {Text(bytes).substr(0, cut), Text(bytes).substr(cut)})
            while (!piece.empty()) static_cast<void>(walk.next(piece));
        return walk.is_too_large();
    };
    const std::string fine = frame(9, 1, std::string(kMost, 'x')) + frame(1, 1, std::string(kMost + 1, 'x'));
    for (size_t cut = 0; cut < 12; ++cut) {
        EXPECT_FALSE(is_too_large(fine, cut));
        EXPECT_TRUE(is_too_large(frame(9, 1, std::string(kMost + 1, 'x')), cut));
        EXPECT_TRUE(is_too_large(fine + frame(9, 1, std::string(kMost + 1, 'x')), cut));
    }
}

}  // namespace
