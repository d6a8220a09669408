// is_field_value(): each byte at each place of values of several lengths.
#include "http/fields/field_value.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TEST(FieldValue, HasNoCrLfOrNulAnywhere) {
    EXPECT_TRUE(is_field_value({}));
    for (size_t size = 1; size <= 40; ++size) {
        for (const char around : {'a', '\x0e', '\xff', '\t'}) {
            for (size_t at = 0; at < size; ++at) {
                std::string value(size, around);
                for (int byte = 0; byte < 256; ++byte) {
                    value[at] = static_cast<char>(byte);
                    const bool is_bad = byte == '\r' || byte == '\n' || byte == 0;
                    ASSERT_EQ(is_field_value(value), !is_bad) << byte << " at " << at << " of " << size;
                }
            }
        }
    }
}

TEST(FieldValue, LooksNoFurtherThanItsEnd) {
    const std::string text = "value\r\nvalue\r\nvalue\r\n";
    EXPECT_TRUE(is_field_value(Text(text).substr(0, 5)));
    EXPECT_FALSE(is_field_value(Text(text).substr(0, 6)));
}

}  // namespace
}  // namespace sluice::http
