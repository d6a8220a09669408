// Normalising of paths, extensions, and URIs from unsafe sources.
#include "http/uri/normalize.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::http::uri {
namespace {

struct Case {
    Text path;
    Text expected;  ///< or a PathError's name
};

/// The output has exactly the room that the contract asks for, so that a sanitizer sees any byte more.
std::string normalize(Text path, bool merge_slashes) {
    std::vector<char> out(path.size() + 1);
    const NormalPath normal = normalize_path(path, merge_slashes, out);
    switch (normal.error) {
        case PathError::none: return std::string(normal.path);
        case PathError::bad_escape: return "bad escape";
        case PathError::nul: return "NUL";
        case PathError::above_root: return "above root";
    }
    return "?";
}

constexpr Case kCases[]{
    {"", "/"},
    {"/", "/"},
    {"/a", "/a"},
    {"/a/", "/a/"},
    {"/a%20b", "/a b"},
    {"/%41%42", "/AB"},
    {"/%c3%A4", "/\xc3\xa4"},
    {"/a%2fb", "/a/b"},
    {"/a%2Fb", "/a/b"},
    {"/%25", "/%"},
    {"/%2541", "/%41"},
    {"/%252e%252e/a", "/%2e%2e/a"},
    {"/a%3Fb", "/a?b"},
    {"/a%23b", "/a#b"},
    {"/a%0ab", "/a\nb"},
    {"/a+b", "/a+b"},
    {"/%ff", "/\xff"},
    {"//", "/"},
    {"//a", "/a"},
    {"///a//b///", "/a/b/"},
    {"/a/%2f/b", "/a/b"},
    {"/.", "/"},
    {"/./", "/"},
    {"/./a", "/a"},
    {"/a/.", "/a/"},
    {"/a/./b", "/a/b"},
    {"/a/././b/.", "/a/b/"},
    {"/%2e/a", "/a"},
    {"/a/%2E", "/a/"},
    {"/a/..", "/"},
    {"/a/../", "/"},
    {"/a/../b", "/b"},
    {"/a/b/..", "/a/"},
    {"/a/b/../c", "/a/c"},
    {"/a/b/../../c", "/c"},
    {"/a/./../b", "/b"},
    {"/a//../b", "/b"},
    {"/a/b/c/../../../d", "/d"},
    {"/a/%2e%2e/b", "/b"},
    {"/a/.%2e/b", "/b"},
    {"/a/%2e./b", "/b"},
    {"/a%2f..%2fb", "/b"},
    {"/a/..%2fb", "/b"},
    {"/...", "/..."},
    {"/a/...", "/a/..."},
    {"/.../a", "/.../a"},
    {"/..a", "/..a"},
    {"/.a", "/.a"},
    {"/a..", "/a.."},
    {"/a../b", "/a../b"},
    {"/a./b", "/a./b"},
    {"/.well-known/x", "/.well-known/x"},
    {"/..", "above root"},
    {"/../", "above root"},
    {"/../a", "above root"},
    {"/a/../..", "above root"},
    {"/a/../../b", "above root"},
    {"/./../a", "above root"},
    {"//..", "above root"},
    {"//../a", "above root"},
    {"/%2e%2e/a", "above root"},
    {"/%2e%2e%2fetc/passwd", "above root"},
    {"/..%2f..%2fetc", "above root"},
    {"/a/b/../../../etc/passwd", "above root"},
    {"/a/b/c/%2e%2e/%2E%2E/..%2f../x", "above root"},
    {"/..;/a", "/..;/a"},
    {"/\\..\\a", "/\\..\\a"},
    {"/%", "bad escape"},
    {"/%4", "bad escape"},
    {"/%zz", "bad escape"},
    {"/%4g", "bad escape"},
    {"/%g4", "bad escape"},
    {"/a%", "bad escape"},
    {"/%%41", "bad escape"},
    {"/%u0041", "bad escape"},
    {"/%+1", "bad escape"},
    {"/%c0%ae%c0%ae/a", "/\xc0\xae\xc0\xae/a"},
    {"/%00", "NUL"},
    {"/a%00.html", "NUL"},
    {Text("/a\0b", 4), "NUL"},
};

TEST(NormalizePath, merges_slashes) {
    for (const auto& [path, expected] : kCases) EXPECT_EQ(normalize(path, true), expected) << path;
}

TEST(NormalizePath, keeps_slashes_when_told_so) {
    for (const auto& [path, expected] : kCases) {
        const bool has_double_slash = path.find("//") != Text::npos || path.find("/%2f") != Text::npos;
        if (has_double_slash) continue;
        EXPECT_EQ(normalize(path, false), expected) << path;
    }
    constexpr Case kKept[]{
        {"//", "//"},     {"//a", "//a"},   {"///a//b///", "///a//b///"}, {"/a/%2f/b", "/a///b"},
        {"//..", "/"},    {"//../a", "/a"}, {"/a//../b", "/a/b"},         {"/a/..//b", "//b"},
        {"//./a", "//a"}, {"/.//a", "//a"}, {"//../../", "above root"},
    };
    for (const auto& [path, expected] : kKept) EXPECT_EQ(normalize(path, false), expected) << path;
}

/// Whatever comes in: the result is within the root, has no dot segments, and is its own normal form.
TEST(NormalizePath, what_comes_out_is_normal) {
    constexpr Text kParts[]{"/", ".", "..", "a", "%2e", "%2F", "//", "%61", "/../", "b/"};
    uint64_t state = 7;
    int accepted = 0;
    for (int round = 0; round < 20000; ++round) {
        std::string path = "/";
        for (uint64_t left = round % 12; left > 0; --left) {
            state = state * 6364136223846793005ULL + 1442695040888963407ULL;
            path += kParts[(state >> 33U) % std::size(kParts)];
        }
        const std::string once = normalize(path, true);
        if (once == "above root") continue;
        ++accepted;
        ASSERT_EQ(once.front(), '/') << path;
        ASSERT_EQ(once.find("//"), std::string::npos) << path;
        ASSERT_EQ((once + '/').find("/./"), std::string::npos) << path;
        ASSERT_EQ((once + '/').find("/../"), std::string::npos) << path;
        ASSERT_EQ(normalize(once, true), once) << path;
    }
    EXPECT_GT(accepted, 5000);
}

TEST(Extension, is_behind_the_last_dot_of_the_last_segment) {
    constexpr Case kExtensions[]{
        {"/a.html", "html"}, {"/a.tar.gz", "gz"}, {"/a", ""},      {"/a.b/c", ""}, {"/a.", ""}, {"/.profile", ""},
        {"/.a.txt", "txt"},  {"/..a", ""},        {"/..a.b", "b"}, {"/...", ""},   {"/", ""},   {"", ""},
        {"a.b", "b"},        {"/x/y.php", "php"},
    };
    for (const auto& [path, expected] : kExtensions) EXPECT_EQ(extension_of(path), expected) << path;
}

TEST(UnsafeUri, is_split_and_decoded) {
    std::vector<char> out(64);
    const UnsafeUri plain = split_unsafe_uri("/a/b?c=d?e", out);
    EXPECT_TRUE(plain.is_safe);
    EXPECT_EQ(plain.path, "/a/b");
    EXPECT_EQ(plain.args, "c=d?e");
    const UnsafeUri encoded = split_unsafe_uri("/a%20b%3fc?%20", out);
    EXPECT_TRUE(encoded.is_safe);
    EXPECT_EQ(encoded.path, "/a b?c");
    EXPECT_EQ(encoded.args, "%20");
    for (const Text safe : {"/..a", "/a../b", "/a/...", "a", "/a?../b", "/%2541"})
        EXPECT_TRUE(split_unsafe_uri(safe, out).is_safe) << safe;
}

TEST(UnsafeUri, is_refused_when_it_is_unsafe) {
    std::vector<char> out(64);
    for (const Text unsafe :
         {"", "?a", "..", "../a", "/..", "/../a", "/a/../b", "/a/..", "/%2e%2e/a", "/a%2f..", "/a%00", "/a%", "/%zz"})
        EXPECT_FALSE(split_unsafe_uri(unsafe, out).is_safe) << unsafe;
    EXPECT_FALSE(split_unsafe_uri(Text("/a\0b", 4), out).is_safe);
}

}  // namespace
}  // namespace sluice::http::uri
