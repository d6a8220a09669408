// Escaping for URIs, HTML and logs; unescaping; arguments.
#include "http/uri/escape.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "http/uri/args.h"
#include "http/uri/log_escape.h"

namespace sluice::http::uri {
namespace {

std::string escaped(Text source, Escape set) {
    std::vector<char> out(escaped_size(source, set));
    return std::string(escape(source, set, out));
}

template <class Size, class Write>
std::string written(Text source, Size size, Write write) {
    std::vector<char> out(size(source));
    return std::string(write(source, out));
}

/// The printable bytes that a set escapes, in order.
std::string printable_escapes(Escape set) {
    std::string found;
    for (char c = ' '; c < 0x7f; ++c) {
        if (escaped_size(Text(&c, 1), set) != 1) found += c;
    }
    return found;
}

TEST(Escape, each_set_escapes_its_printable_bytes) {
    EXPECT_EQ(printable_escapes(Escape::path), " \"#%<>?\\^`{|}");
    EXPECT_EQ(printable_escapes(Escape::args), " \"#%&+;<>?\\^`{|}");
    EXPECT_EQ(printable_escapes(Escape::component), " !\"#$%&'()*+,/:;<=>?@[\\]^`{|}");
    EXPECT_EQ(printable_escapes(Escape::html), " \"#%'");
    EXPECT_EQ(printable_escapes(Escape::refresh), " \"'<>\\^`{|}");
    EXPECT_EQ(printable_escapes(Escape::memcached), " %");
    EXPECT_EQ(printable_escapes(Escape::target), " ");
    EXPECT_EQ(escaped("/a%20\xc3\xa4\r\n\x7f", Escape::target), "/a%20\xc3\xa4%0D%0A%7F");
}

TEST(Escape, bytes_that_are_not_printable) {
    for (const Escape set : {Escape::path, Escape::args, Escape::component, Escape::html, Escape::refresh}) {
        EXPECT_EQ(escaped(Text("\0\x1f\x7f\x80\xff", 5), set), "%00%1F%7F%80%FF");
    }
    EXPECT_EQ(escaped(Text("\0\x1f\x7f\xff", 4), Escape::memcached), "%00%1F\x7f\xff");
}

TEST(Escape, what_needs_nothing_is_returned_itself) {
    constexpr Text kPlain = "/a/b-c_d.e~f";
    EXPECT_EQ(escape(kPlain, Escape::path, {}).data(), kPlain.data());
    EXPECT_EQ(escape_html(kPlain, {}).data(), kPlain.data());
    EXPECT_EQ(log_escape(kPlain, {}).data(), kPlain.data());
    EXPECT_EQ(json_escape(kPlain, {}).data(), kPlain.data());
}

TEST(Escape, unescape_is_its_inverse) {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
    for (const Escape set : {Escape::path, Escape::args, Escape::component, Escape::html, Escape::memcached}) {
        std::string text = escaped(all, set);
        EXPECT_EQ(unescape(text, text), all) << "in place";
    }
}

TEST(Unescape, leaves_what_is_no_escape) {
    const auto unescaped = [](Text source) {
        std::vector<char> out(source.size());
        return std::string(unescape(source, out));
    };
    EXPECT_EQ(unescaped("a%41%zz%4%"), "aA%zz%4%");
    EXPECT_EQ(unescaped("%%41"), "%A");
    EXPECT_EQ(unescaped("%2541"), "%41");
    EXPECT_EQ(unescaped(""), "");
}

TEST(Html, references) {
    EXPECT_EQ(written("<a href=\"x\">&'</a>", escaped_html_size, escape_html),
              "&lt;a href=&quot;x&quot;&gt;&amp;'&lt;/a&gt;");
}

TEST(LogEscape, default_writes_hexadecimal) {
    EXPECT_EQ(written(Text("a\"\\\0\n\x7e\x7f\xff", 8), log_escaped_size, log_escape),
              "a\\x22\\x5C\\x00\\x0A~\\x7F\\xFF");
}

TEST(LogEscape, json) {
    EXPECT_EQ(written(Text("a\"\\/\n\r\t\b\f\x1f\0\x7f\xff", 13), json_escaped_size, json_escape),
              "a\\\"\\\\/\\n\\r\\t\\b\\f\\u001F\\u0000\x7f\xff");
}

TEST(Args, are_split_in_order) {
    Text rest = "a=1&b&&=c&d=e=f";
    std::string seen;
    while (const auto arg = next_arg(rest))
        seen += std::string(arg->name) + (arg->has_value ? "=" : "!") + std::string(arg->value) + "|";
    EXPECT_EQ(seen, "a=1|b!|!|=c|d=e=f|");
}

TEST(Args, the_first_of_a_name_is_found_in_any_case) {
    constexpr Text kArgs = "ab=1&b=2&B=3&c&d=&c=4";
    EXPECT_EQ(find_arg(kArgs, "b"), "2");
    EXPECT_EQ(find_arg(kArgs, "AB"), "1");
    EXPECT_EQ(find_arg(kArgs, "c"), "4") << "one without = does not count";
    EXPECT_EQ(find_arg(kArgs, "d"), "");
    EXPECT_EQ(find_arg(kArgs, "a"), std::nullopt);
    EXPECT_EQ(find_arg("", "a"), std::nullopt);
}

}  // namespace
}  // namespace sluice::http::uri
