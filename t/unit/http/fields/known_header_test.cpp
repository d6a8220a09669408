// The perfect hash over known header names.
#include "http/fields/known_header.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

KnownHeader at(size_t index) {
    return static_cast<KnownHeader>(index);
}

std::string upper(Text name) {
    std::string out(name);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return out;
}

TEST(KnownHeader, each_is_found_by_its_name_in_any_case) {
    for (size_t i = 1; i < kKnownHeaderCount; ++i) {
        for (const std::string& name :
             {std::string(name_of(at(i))), std::string(lower_name_of(at(i))), upper(name_of(at(i)))}) {
            EXPECT_EQ(find_known_header(name), at(i)) << name;
            EXPECT_EQ(find_known_header(name, header_name_hash(name)), at(i)) << name;
        }
    }
}

TEST(KnownHeader, neighbours_of_a_name_are_not_found) {
    for (size_t i = 1; i < kKnownHeaderCount; ++i) {
        const std::string name(lower_name_of(at(i)));
        for (const std::string& other :
             {name + "x", "x" + name, name + "-", name.substr(1), name.substr(0, name.size() - 1)}) {
            const KnownHeader found = find_known_header(other, header_name_hash(other));
            EXPECT_TRUE(found == KnownHeader::none || lower_name_of(found) == other) << other;
        }
        for (size_t j = 0; j < name.size(); ++j) {
            std::string other = name;
            other[j] = other[j] == 'q' ? 'j' : 'q';
            EXPECT_EQ(find_known_header(other, header_name_hash(other)), KnownHeader::none) << other;
        }
    }
}

TEST(KnownHeader, odd_names_are_not_found) {
    EXPECT_EQ(find_known_header(""), KnownHeader::none);
    EXPECT_EQ(find_known_header(std::string(1000, 'a')), KnownHeader::none);
    // Equal to `user-agent` but for the bit that separates the cases of letters.
    EXPECT_EQ(find_known_header("user\x0d"
                                "agent"),
              KnownHeader::none);
    EXPECT_EQ(header_name_hash("user\x0d"
                               "agent"),
              header_name_hash("user-agent"));
}

TEST(KnownHeader, the_names_that_matter_are_what_they_are_called) {
    EXPECT_EQ(find_known_header("Host"), KnownHeader::host);
    EXPECT_EQ(find_known_header("If"), KnownHeader::if_header);
    EXPECT_EQ(find_known_header("TE"), KnownHeader::te);
    EXPECT_EQ(find_known_header("ETag"), KnownHeader::etag);
    EXPECT_EQ(find_known_header("Content-Length"), KnownHeader::content_length);
    EXPECT_EQ(find_known_header("Transfer-Encoding"), KnownHeader::transfer_encoding);
    EXPECT_EQ(find_known_header("HTTP2-Settings"), KnownHeader::http2_settings);
    EXPECT_EQ(name_of(KnownHeader::www_authenticate), "WWW-Authenticate");
    EXPECT_EQ(name_of(KnownHeader::sec_websocket_key), "Sec-WebSocket-Key");
    EXPECT_EQ(name_of(KnownHeader::x_accel_limit_rate), "X-Accel-Limit-Rate");
}

}  // namespace
}  // namespace sluice::http
