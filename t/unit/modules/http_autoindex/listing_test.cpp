// Lines of a listing as nginx 1.22 writes them.
#include "http_autoindex/listing.h"

#include <gtest/gtest.h>

namespace sluice::autoindex {
namespace {

constexpr int64_t kTime = 1'704'164'645;  // 2024-01-02 03:04:05 UTC
const std::string kStart =
    "<html>\r\n<head><title>Index of /</title></head>\r\n<body>\r\n<h1>Index of "
    "/</h1><hr><pre><a href=\"../\">../</a>\r\n";
const std::string kEnd = "</pre><hr></body>\r\n</html>\r\n";

std::string line_of(const Entry& entry, const Look& look = {}) {
    const std::string page = write_html("/", std::span(&entry, 1), look);
    EXPECT_EQ(page.substr(0, kStart.size()), kStart);
    return page.substr(kStart.size(), page.size() - kStart.size() - kEnd.size());
}

Entry file(std::string name, int64_t size) {
    return {.name = std::move(name), .kind = Entry::Kind::file, .size = size, .mtime = kTime};
}

TEST(Autoindex, columns) {
    EXPECT_EQ(line_of(file("k", 1535)),
              "<a href=\"k\">k</a>" + std::string(50, ' ') + "02-Jan-2024 03:04                1535\r\n");
    EXPECT_EQ(line_of({"sub", Entry::Kind::directory, 4096, kTime}),
              "<a href=\"sub/\">sub/</a>" + std::string(47, ' ') + "02-Jan-2024 03:04                   -\r\n");
}

TEST(Autoindex, names_at_the_end_of_the_column) {
    for (const size_t size : {49U, 50U, 51U}) {
        const std::string name(size, 'n');
        const std::string shown = size > 50 ? std::string(47, 'n') + "..&gt;" : name;
        EXPECT_EQ(line_of(file(name, 0)).substr(size + 11, shown.size() + 4), shown + "</a>") << size;
        const std::string line = line_of({name, Entry::Kind::directory, 0, kTime});
        EXPECT_EQ(line.find("n/</a>") != std::string::npos, size == 49) << line;
    }
}

TEST(Autoindex, characters_count_where_the_page_is_utf8) {
    const std::string name = "\xc3\xa4\xc3\xa4";
    EXPECT_NE(line_of(file(name, 0)).find(name + "</a>" + std::string(47, ' ') + "02"), std::string::npos);
    EXPECT_NE(line_of(file(name, 0), {.is_utf8 = true}).find(name + "</a>" + std::string(49, ' ') + "02"),
              std::string::npos);
}

TEST(Autoindex, rounded_sizes) {
    const std::pair<int64_t, std::string> cases[]{{9999, "9999"},     {10000, "10K"},  {50000, "49K"},
                                                  {1048575, "1024K"}, {3 << 20, "3M"}, {12345678, "12M"},
                                                  {2200000000, "2G"}};
    for (const auto& [size, text] : cases) {
        const std::string line = line_of(file("a", size), {.exact_size = false});
        EXPECT_EQ(line.substr(line.size() - 10), std::string(8 - text.size(), ' ') + text + "\r\n");
    }
}

TEST(Autoindex, json_escapes_what_would_end_the_string) {
    const Entry entry = file("q\"b\\\n\t", 1);
    EXPECT_NE(write_json(std::span(&entry, 1)).find("\"q\\\"b\\\\\\n\\t\""), std::string::npos);
    EXPECT_EQ(write_json({}), "[\r\n]");
}

const Entry kThree[] = {{"d & e", Entry::Kind::directory, 4096, kTime},
                        {"f<1>", Entry::Kind::file, 12, kTime},
                        {"s", Entry::Kind::other, 0, kTime}};

TEST(Autoindex, json) {
    EXPECT_EQ(
        write_json(kThree),
        "[\r\n"
        "{ \"name\":\"d & e\", \"type\":\"directory\", \"mtime\":\"Tue, 02 Jan 2024 03:04:05 GMT\" },\r\n"
        "{ \"name\":\"f<1>\", \"type\":\"file\", \"mtime\":\"Tue, 02 Jan 2024 03:04:05 GMT\", \"size\":12 },\r\n"
        "{ \"name\":\"s\", \"type\":\"other\", \"mtime\":\"Tue, 02 Jan 2024 03:04:05 GMT\" }\r\n"
        "]");
    EXPECT_EQ(write_jsonp("f", {}), "/* callback */\r\nf([\r\n]);");
}

TEST(Autoindex, xml) {
    EXPECT_EQ(write_xml(kThree),
              "<?xml version=\"1.0\"?>\r\n<list>\r\n"
              "<directory mtime=\"2024-01-02T03:04:05Z\">d &amp; e</directory>\r\n"
              "<file mtime=\"2024-01-02T03:04:05Z\" size=\"12\">f&lt;1&gt;</file>\r\n"
              "<other mtime=\"2024-01-02T03:04:05Z\">s</other>\r\n"
              "</list>\r\n");
    EXPECT_EQ(write_xml({}), "<?xml version=\"1.0\"?>\r\n<list>\r\n</list>\r\n");
}

TEST(Autoindex, html_escapes_names_and_the_title) {
    EXPECT_EQ(line_of(kThree[1]).substr(0, 36), "<a href=\"f%3C1%3E\">f&lt;1&gt;</a>   ");
    const std::string page = write_html("/<&>", {}, {});
    EXPECT_NE(page.find("<h1>Index of /&lt;&amp;&gt;</h1>"), std::string::npos);
}

TEST(Autoindex, folders_come_first) {
    std::vector<Entry> entries{file("b", 0), file("a", 0), {"z", Entry::Kind::directory, 0, 0}};
    sort(entries);
    EXPECT_EQ(entries[0].name + entries[1].name + entries[2].name, "zab");
}

TEST(Autoindex, only_names_are_called) {
    EXPECT_TRUE(is_callback_valid("a.b_C9"));
    for (const Text bad : {Text("c-b"), Text("a("), Text("a b"), Text("a;"), Text("<"), Text("a[0]"), Text("$")})
        EXPECT_FALSE(is_callback_valid(bad)) << bad;
}

}  // namespace
}  // namespace sluice::autoindex
