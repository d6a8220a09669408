// Both block scanners against a byte-by-byte reading of the same question, for every byte at every place.
#include "http/h1/scan.h"

#include <string>

#include <gtest/gtest.h>

#include "http/h1/path_scan.h"

namespace sluice::http::h1 {
namespace {

bool is_control(unsigned char c) {
    return c < 0x20 || c == 0x7f;
}
bool is_plain_name(unsigned char c) {
    return text::is_alpha(static_cast<char>(c)) || text::is_digit(static_cast<char>(c)) || c == '-';
}

template <class AnyBlock>
class Scan : public testing::Test {};

#if defined(__SSE2__)
using Blocks = testing::Types<WordBlock, Sse2Block>;
#else
using Blocks = testing::Types<WordBlock>;
#endif
TYPED_TEST_SUITE(Scan, Blocks);

/// Every pair of neighbouring bytes, so that a carry from one to the next would show.
TYPED_TEST(Scan, each_byte_gets_its_own_bit) {
    char bytes[TypeParam::kWidth];
    for (unsigned first = 0; first < 256; ++first) {
        for (unsigned second = 0; second < 256; ++second) {
            for (size_t i = 0; i < sizeof bytes; ++i) bytes[i] = static_cast<char>(i % 2 == 0 ? first : second);
            const TypeParam block(bytes);
            Mask controls = 0;
            Mask gaps = 0;
            Mask names = 0;
            Mask slashes = 0;
            for (uint32_t i = 0; i < TypeParam::kWidth; ++i) {
                const auto c = static_cast<unsigned char>(bytes[i]);
                controls |= Mask{is_control(c)} << i;
                gaps |= Mask{is_control(c) || c == ' '} << i;
                names |= Mask{is_plain_name(c)} << i;
                slashes |= Mask{c == '/'} << i;
            }
            ASSERT_EQ(block.controls(), controls) << first << ' ' << second;
            ASSERT_EQ(block.gaps(), gaps) << first << ' ' << second;
            ASSERT_EQ(block.plain_name(), names) << first << ' ' << second;
            ASSERT_EQ(block.equal('/'), slashes) << first << ' ' << second;
        }
    }
}

TYPED_TEST(Scan, finds_the_first_hit_wherever_it_is) {
    for (size_t size = 0; size < 70; ++size) {
        for (size_t place = 0; place <= size; ++place) {
            std::string text(size, 'a');
            if (place < size) text[place] = '\x01';
            if (size > 0) text[0] = place == 0 ? text[0] : '\t';
            EXPECT_EQ(find_control<TypeParam>(text, 0), place);
            EXPECT_EQ(find_gap_or<TypeParam>(std::string(size, 'a') + "#", 0, '#'), size);
            std::string name(size, 'Z');
            if (place < size) name[place] = ':';
            EXPECT_EQ(find_name_end<TypeParam>(name, 0), place);
            EXPECT_EQ(find_name_end<TypeParam>(name, static_cast<uint32_t>(place)), place);
        }
    }
}

struct Expected {
    uint32_t end = 0;
    PathMarks marks;
};

/// The same as scan_path(), told byte by byte.
Expected read_path(Text path) {
    Expected e;
    auto& [end, marks] = e;
    for (; end < path.size() && path[end] != '?' && path[end] != '#' && path[end] != ' '; ++end) {
        const bool is_behind_slash = end > 0 && path[end - 1] == '/';
        if (path[end] == '%') marks.traits.is_percent_encoded = true;
        if (path[end] == '/' && is_behind_slash) marks.traits.has_double_slash = true;
        if (path[end] == '.' && is_behind_slash) marks.traits.has_dot_segment = true;
        if (path[end] == '/') marks.extension = 0;
        if (path[end] == '.' && !is_behind_slash) marks.extension = end + 1;
    }
    return e;
}

/// Paths over a small alphabet, scanned in one go and cut at every place.
TYPED_TEST(Scan, a_path_is_read_alike_at_every_cut) {
    uint64_t state = 1;
    for (int round = 0; round < 4000; ++round) {
        std::string path = "/";
        const size_t size = 1 + state % 50;
        while (path.size() < size) {
            state = state * 6364136223846793005ULL + 1442695040888963407ULL;
            path += "aaab//..%a?#"[(state >> 33U) % (round % 2 == 0 ? 9 : 12)];
        }
        path += ' ';
        const Expected expected = read_path(path);
        for (size_t cut = 1; cut <= path.size(); ++cut) {
            PathMarks marks;
            const Text head = Text(path).substr(0, cut);
            uint32_t at = scan_path<TypeParam>(head, 0, 0, marks);
            if (at == head.size()) at = scan_path<TypeParam>(path, 0, at, marks);
            ASSERT_EQ(at, expected.end) << path << " cut at " << cut;
            ASSERT_EQ(marks.extension, expected.marks.extension) << path << " cut at " << cut;
            ASSERT_EQ(marks.traits.is_percent_encoded, expected.marks.traits.is_percent_encoded) << path;
            ASSERT_EQ(marks.traits.has_double_slash, expected.marks.traits.has_double_slash) << path;
            ASSERT_EQ(marks.traits.has_dot_segment, expected.marks.traits.has_dot_segment) << path;
        }
    }
}

}  // namespace
}  // namespace sluice::http::h1
