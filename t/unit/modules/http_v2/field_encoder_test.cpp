// What FieldEncoder writes, as the library's decoder reads it.
#include "http_v2/field_encoder.h"

#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

namespace {

using namespace sluice;
using http2::FieldEncoder;
using http2::FieldLine;

constexpr uint8_t kServer = 54;
constexpr uint8_t kEtag = 34;

struct Line {
    std::string name;
    std::string value;
    bool is_never_indexed = false;

    bool operator==(const Line&) const = default;
};

/// A peer: reads blocks one after the other.
class Decoder {
 public:
    Decoder() { nghttp2_hd_inflate_new(&inflater_); }
    Decoder(const Decoder&) = delete;
    ~Decoder() { nghttp2_hd_inflate_del(inflater_); }

    /// It has sent SETTINGS_HEADER_TABLE_SIZE.
    void set_table_size(uint32_t size) { nghttp2_hd_inflate_change_table_size(inflater_, size); }
    size_t entries() const { return nghttp2_hd_inflate_get_num_table_entries(inflater_) - 61; }

    std::vector<Line> read(Text block) {
        std::vector<Line> lines;
        for (;;) {
            nghttp2_nv field;
            int flags = 0;
            const auto* const bytes = reinterpret_cast<const uint8_t*>(block.data());
            const ssize_t size = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, bytes, block.size(), 1);
            if (size < 0) {
                ADD_FAILURE() << nghttp2_strerror(static_cast<int>(size));
                return lines;
            }
            block.remove_prefix(static_cast<size_t>(size));
            if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
                lines.push_back({{reinterpret_cast<const char*>(field.name), field.namelen},
                                 {reinterpret_cast<const char*>(field.value), field.valuelen},
                                 (field.flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0});
            if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
        }
        nghttp2_hd_inflate_end_headers(inflater_);
        EXPECT_TRUE(block.empty());
        return lines;
    }

 private:
    nghttp2_hd_inflater* inflater_ = nullptr;
};

std::string write(FieldEncoder& encoder, const std::vector<FieldLine>& lines) {
    // Not in a string's own room: whoever writes beyond it shall be seen.
    const size_t most = FieldEncoder::most_bytes(lines);
    const auto room = std::make_unique<char[]>(most);
    return {room.get(), encoder.write(lines, room.get())};
}

TEST(FieldEncoder, DecodersReadWhatWasWritten) {
    std::mt19937 dice(7);
    const auto below = [&](uint32_t most) { return static_cast<uint32_t>(dice() % most); };
    for (int connection = 0; connection < 40; ++connection) {
        FieldEncoder encoder;
        Decoder decoder;
        for (int block = 0; block < 100; ++block) {
            for (int i = below(20) == 0 ? static_cast<int>(below(3)) : 0; i > 0; --i) {
                const uint32_t setting = below(3) == 0 ? below(200) : below(10'000);
                encoder.limit(setting);
                decoder.set_table_size(setting);
            }
            std::vector<Line> meant;
            std::vector<uint8_t> places;
            for (uint32_t i = below(20); i > 0; --i) {
                const bool is_static = below(2) == 0;
                std::string value(below(4) == 0 ? below(1500) : below(12), '\0');
                const bool repeats = below(4) != 0;
                for (char& c : value) c = static_cast<char>(repeats ? 'a' + value.size() % 3 : below(256));
                meant.push_back({is_static ? "server" : "x-" + std::to_string(below(8)), value, below(16) == 0});
                places.push_back(is_static ? kServer : 0);
            }
            std::vector<FieldLine> lines;
            for (size_t i = 0; i < meant.size(); ++i)
                lines.push_back({meant[i].name, meant[i].value, places[i], meant[i].is_never_indexed});
            ASSERT_EQ(decoder.read(write(encoder, lines)), meant) << connection << ' ' << block;
        }
    }
}

TEST(FieldEncoder, EveryByteHasItsCode) {
    FieldEncoder encoder;
    Decoder decoder;
    std::string all;
    for (int c = 0; c < 256; ++c) {
        // Among many that are short, so that coding pays.
        std::string value(30, 'a');
        value[static_cast<size_t>(c) % value.size()] = static_cast<char>(c);
        const std::string block = write(encoder, {{"x", value}});
        EXPECT_LT(block.size(), value.size()) << c;
        EXPECT_EQ(decoder.read(block), (std::vector<Line>{{"x", value}})) << c;
    }
}

TEST(FieldEncoder, StatusesOfTheStaticTableTakeOneByte) {
    FieldEncoder encoder;
    const auto block_of = [&](Text status) { return write(encoder, {{":status", status, http2::kStaticStatus}}); };
    EXPECT_EQ(block_of("200"), "\x88");
    EXPECT_EQ(block_of("204"), "\x89");
    EXPECT_EQ(block_of("404"), "\x8d");
    EXPECT_EQ(block_of("500"), "\x8e");
    Decoder decoder;
    EXPECT_EQ(decoder.read(block_of("502")), (std::vector<Line>{{":status", "502"}}));
}

TEST(FieldEncoder, WhatIsSentAgainEntersTheTable) {
    FieldEncoder encoder;
    Decoder decoder;
    for (const size_t entries : {0, 1, 1}) {
        EXPECT_EQ(decoder.read(write(encoder, {{"x-a", "b"}})), (std::vector<Line>{{"x-a", "b"}}));
        EXPECT_EQ(decoder.entries(), entries);
    }
    EXPECT_EQ(write(encoder, {{"x-a", "b"}}), "\xbe");
    // Wherever it stands.
    for (const Text other : {"1", "2", "3"}) EXPECT_EQ(write(encoder, {{"x-b", other}, {"x-a", "b"}}).back(), '\xbe');
}

TEST(FieldEncoder, WhatDiffersEachTimePushesNothingOut) {
    FieldEncoder encoder;
    Decoder decoder;
    for (int i = 0; i < 1000; ++i) {
        const std::string etag = "\"" + std::to_string(i) + "-0123456789012345\"";
        decoder.read(write(encoder, {{"server", "sluice", kServer}, {"etag", etag, kEtag}}));
    }
    EXPECT_EQ(decoder.entries(), 1U);
    EXPECT_EQ(write(encoder, {{"server", "sluice", kServer}}), "\xbe");
}

TEST(FieldEncoder, NoTableHoldsSecrets) {
    FieldEncoder encoder;
    Decoder decoder;
    for (int i = 0; i < 4; ++i) {
        const std::string block =
            write(encoder, {{"x-key", "secret", 0, true}, {"set-cookie", "a=b", http2::kStaticSetCookie}});
        EXPECT_EQ(decoder.read(block), (std::vector<Line>{{"x-key", "secret", true}, {"set-cookie", "a=b"}}));
        EXPECT_EQ(decoder.entries(), 0U);
    }
}

TEST(FieldEncoder, LargeLinesStayOutside) {
    FieldEncoder encoder;
    Decoder decoder;
    const std::string value(FieldEncoder::kCapacity / 2, 'v');
    for (int i = 0; i < 3; ++i) decoder.read(write(encoder, {{"x", value}, {"server", "sluice", kServer}}));
    EXPECT_EQ(decoder.entries(), 1U);
}

/// RFC 7541 §4.2 and RFC 9113 §4.3.1.
TEST(FieldEncoder, TellsOfANewCapacity) {
    FieldEncoder encoder;
    for (int i = 0; i < 2; ++i) write(encoder, {{"x-a", "b"}});
    encoder.limit(FieldEncoder::kCapacity);
    EXPECT_EQ(write(encoder, {{"x-a", "b"}}), "\xbe");
    encoder.limit(65536);  // more than it wants
    EXPECT_EQ(write(encoder, {{"x-a", "b"}}), "\xbe");
    encoder.limit(60000);  // less, so that it must be told of
    EXPECT_EQ(write(encoder, {}), "\x3f\xe1\x1f");
    encoder.limit(0);
    encoder.limit(100);
    EXPECT_EQ(write(encoder, {}), std::string("\x20\x3f\x45"));
    EXPECT_EQ(write(encoder, {}), "");
    // What was in the table is not any more.
    EXPECT_EQ(write(encoder, {{"x-a", "b"}}).front(), '\0');
}

}  // namespace
