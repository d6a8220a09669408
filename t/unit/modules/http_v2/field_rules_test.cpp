// What RFC 9113 §8.2 asks of fields, byte by byte: a byte that is seen together with others is judged as it is alone.
#include "http_v2/field_rules.h"

#include <string>

#include <gtest/gtest.h>

namespace {

using namespace sluice;
using http::KnownHeader;
using http2::NameForm;

/// Calls `check` with every byte at every place of texts of 1 to 20 bytes; the other bytes are `filling`.
template <class Check>
void for_each_place(char filling, Check check) {
    for (size_t size = 1; size <= 20; ++size) {
        for (size_t place = 0; place < size; ++place) {
            for (int byte = 0; byte < 256; ++byte) {
                std::string text(size, filling);
                text[place] = static_cast<char>(byte);
                check(text, byte, place == 0 || place + 1 == size);
            }
        }
    }
}

TEST(FieldRules, ValuesHoldNoControlCharactersButTabs) {
    for (const char filling : {'a', '~', '!', '\xff'}) {
        for_each_place(filling, [](const std::string& text, int byte, bool is_edge) {
            const bool is_white = byte == ' ' || byte == '\t';
            EXPECT_EQ(http2::is_value(text), is_white ? !is_edge : byte > 31 && byte != 127)
                << text.size() << ' ' << byte;
        });
    }
    EXPECT_TRUE(http2::is_value(""));
    EXPECT_TRUE(http2::is_value("a\tb c\td e\tf g"));
    EXPECT_FALSE(http2::is_value("a\tb c\td e\tf\x1f g"));
}

TEST(FieldRules, ValuesOfPseudoFieldsHoldNoWhiteSpace) {
    for (const char filling : {'a', '~', '!', '\xff'}) {
        for_each_place(filling, [](const std::string& text, int byte, bool) {
            EXPECT_EQ(http2::is_pseudo_value(text), byte > 32 && byte != 127) << text.size() << ' ' << byte;
        });
    }
}

TEST(FieldRules, NamesAreTokensWithoutCapitals) {
    for_each_place('a', [](const std::string& text, int byte, bool) {
        const bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-';
        const bool is_unusual =
            byte != 0 && std::string("!#$%&'*+.^`|~").find(static_cast<char>(byte)) != std::string::npos;
        const NameForm expected = is_plain      ? NameForm::plain
                                  : byte == '_' ? NameForm::underscored
                                  : is_unusual  ? NameForm::unusual
                                                : NameForm::invalid;
        EXPECT_EQ(http2::form_of(text), expected) << text.size() << ' ' << byte;
    });
    EXPECT_EQ(http2::form_of(""), NameForm::invalid);
    EXPECT_EQ(http2::form_of("a_b.c"), NameForm::unusual);
    EXPECT_EQ(http2::form_of("a.b_c D"), NameForm::invalid);
}

TEST(FieldRules, WhatSpeaksOfTheConnectionIsRefused) {
    for (const KnownHeader known : {KnownHeader::connection, KnownHeader::keep_alive, KnownHeader::proxy_connection,
                                    KnownHeader::transfer_encoding, KnownHeader::upgrade})
        EXPECT_FALSE(http2::is_allowed(known, "x"));
    EXPECT_TRUE(http2::is_allowed(KnownHeader::te, "trailers"));
    EXPECT_TRUE(http2::is_allowed(KnownHeader::te, "Trailers"));
    for (const Text value : {"", "gzip", "trailers, gzip", "trailers;q=1"})
        EXPECT_FALSE(http2::is_allowed(KnownHeader::te, value));
    EXPECT_TRUE(http2::is_allowed(KnownHeader::none, "x"));
    EXPECT_TRUE(http2::is_allowed(KnownHeader::content_length, "x"));
}

}  // namespace
