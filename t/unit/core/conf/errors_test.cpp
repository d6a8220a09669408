// Every case of t/data/conf/errors.txt, which states what nginx says, must get the same first line from our parser.
#include <filesystem>

#include <gtest/gtest.h>

#include "fixture.h"
#include "vectors.h"

namespace sluice::conf::test {
namespace {

TEST(ConfErrors, AreWordedAsNginxWordsThem) {
    const Vectors vectors = load_vectors("t/data/conf/errors.txt");
    ASSERT_GE(vectors.cases.size(), 200U);
    for (const Vector& one : vectors.cases) {
        Reading reading;
        std::filesystem::create_directory(reading.folder() + "/glob");
        for (const auto& [name, content] : vectors.files) reading.write(name, content);
        const std::string error = reading.read(replace_all(one.conf, "D/", reading.folder() + "/"));
        const std::string first = reading.without_folder(error.substr(0, error.find('\n')));
        EXPECT_EQ(first.empty() ? "OK" : first, one.message) << one.conf;
    }
}

/// What only our own error shows: source line, caret, advice.
struct Drawn {
    const char* conf;
    const char* error;
};

constexpr Drawn kDrawn[] = {
    {"damon on;\n",
     "unknown directive \"damon\" in D/nginx.conf:1\n"
     "    1 | damon on;\n"
     "      | ^\n"
     "        did you mean \"daemon\"?"},
    {"http {\n\tsendfile maybe;\n}\n",
     "invalid value \"maybe\" in \"sendfile\" directive, it must be \"on\" or \"off\" in D/nginx.conf:2\n"
     "    2 | \tsendfile maybe;\n"
     "      | \t         ^"},
    {"http {\n  sendfile on\n  root x;\n}\n",
     "invalid number of arguments in \"sendfile\" directive in D/nginx.conf:3\n"
     "    2 |   sendfile on\n"
     "      |              ^\n"
     "    3 |   root x;\n"
     "        a \";\" is missing after \"on\""},
    {"http {\n  root \"x\"\n}\n",
     "unexpected \"}\" in D/nginx.conf:3\n"
     "    2 |   root \"x\"\n"
     "      |           ^\n"
     "    3 | }\n"
     "        a \";\" is missing after \"x\""},
    {"http {\n  root x\n  server {\n }\n}\n",
     "directive \"root\" is not terminated by \";\" in D/nginx.conf:3\n"
     "    2 |   root x\n"
     "      |         ^\n"
     "    3 |   server {\n"
     "        a \";\" is missing after \"x\""},
    {"events {\n}\nhttp {\n  root x;\n",
     "unexpected end of file, expecting \"}\" in D/nginx.conf:5\n"
     "    3 | http {\n"
     "      | ^\n"
     "    4 |   root x;\n"
     "        this \"http\" block is not closed"},
    {"http {\n  root \"x;\n}\n",
     "unexpected end of file, expecting \";\" or \"}\" in D/nginx.conf:4\n"
     "    2 |   root \"x;\n"
     "      |        ^\n"
     "    3 | }\n"
     "        this quote is not closed"},
    {"server_name x;",
     "\"server_name\" directive is not allowed here in D/nginx.conf:1\n"
     "    1 | server_name x;\n"
     "      | ^\n"
     "        \"server_name\" belongs in \"server\""},
    {"sendfile on;",
     "\"sendfile\" directive is not allowed here in D/nginx.conf:1\n"
     "    1 | sendfile on;\n"
     "      | ^\n"
     "        \"sendfile\" belongs in \"http\", \"server\", \"location\" or \"if in location\""},
    {"debug_points stip;",
     "invalid value \"stip\" in D/nginx.conf:1\n"
     "    1 | debug_points stip;\n"
     "      |              ^\n"
     "        did you mean \"stop\"?"},
    {"debug_points never;",
     "invalid value \"never\" in D/nginx.conf:1\n"
     "    1 | debug_points never;\n"
     "      |              ^\n"
     "        it can be \"abort\" or \"stop\""},
    {"daemon on off;",
     "invalid number of arguments in \"daemon\" directive in D/nginx.conf:1\n"
     "    1 | daemon on off;\n"
     "      |           ^"},
    {"\xEF\xBB\xBFmaster_process on;",
     "unknown directive \"\xEF\xBB\xBFmaster_process\" in D/nginx.conf:1\n"
     "    1 | \xEF\xBB\xBFmaster_process on;\n"
     "      | ^\n"
     "        the file begins with a byte order mark; save it without one"},
    {"\xEF\xBB\xBF"
     "daemon on;",
     "unknown directive \"\xEF\xBB\xBF"
     "daemon\" in D/nginx.conf:1\n"
     "    1 | \xEF\xBB\xBF"
     "daemon on;\n"
     "      | ^\n"
     "        the file begins with a byte order mark; save it without one"},
    {"http { root n\u00e4\u20ac; tiny 0; }",
     "value must be between 1 and 100 in D/nginx.conf:1\n"
     "    1 | http { root n\u00e4\u20ac; tiny 0; }\n"
     "      |                       ^"},
    {"http { tiny 0; }",
     "value must be between 1 and 100 in D/nginx.conf:1\n"
     "    1 | http { tiny 0; }\n"
     "      |             ^"},
    {"http { level -21; }",
     "value must be equal to or greater than -20 in D/nginx.conf:1\n"
     "    1 | http { level -21; }\n"
     "      |              ^"},
    {"http { tiny 300; }",
     "\"tiny\" directive invalid number in D/nginx.conf:1\n"
     "    1 | http { tiny 300; }\n"
     "      |             ^"},
    {"http { bare x; }",
     "not a number (22: Invalid argument) in D/nginx.conf:1\n"
     "    1 | http { bare x; }\n"
     "      |             ^\n"
     "        a number is wanted"},
    {"http { types { bad 1; } }",
     "invalid entry in D/nginx.conf:1\n"
     "    1 | http { types { bad 1; } }\n"
     "      |                ^"},
    {"broken_module_directive;",
     "dlopen() \"x.so\" failed (x.so: no such thing) in D/nginx.conf:1\n"
     "    1 | broken_module_directive;\n"
     "      | ^"},
    {"http { server { tiny 77; } }\n",
     "seventy-seven is not a good number in D/nginx.conf:1\n"
     "    1 | http { server { tiny 77; } }\n"
     "      |                 ^"},
    {"http { tiny 77; server { root r; } }\n",
     "seventy-seven is not a good number in D/nginx.conf:1\n"
     "    1 | http { tiny 77; server { root r; } }\n"
     "      |        ^"},
    {"include sub.inc;",
     "unknown directive \"nonsense\" in D/sub.inc:2\n"
     "    2 |  nonsense\x3f;\n"
     "      |  ^"},
    {"include \"\";",
     "read() \"D/\" failed (21: Is a directory) in D/nginx.conf:1\n"
     "    1 | include \"\";\n"
     "      |         ^"},
    {"include self.inc;",
     "\"include\" directive is nested too deeply in D/self.inc:1\n"
     "    1 | include self.inc;\n"
     "      |         ^\n"
     "        does a file include itself?"},
};

TEST(ConfErrors, ShowTheSourceLineACaretAndAdvice) {
    for (const Drawn& one : kDrawn) {
        Reading reading;
        reading.write("sub.inc", "daemon on;\n nonsense\x01;");
        reading.write("self.inc", "include self.inc;");
        std::string error = reading.without_folder(reading.read(one.conf));
        // The control byte stays in the message, which is nginx's, but not in the picture.
        error = replace_all(error, "nonsense\x01\"", "nonsense\"");
        EXPECT_EQ(error, one.error) << one.conf;
    }
}

TEST(ConfErrors, AVeryLongLineIsCutAroundTheCaret) {
    Reading reading;
    const std::string error =
        reading.read("env " + std::string(300, 'a') + "; daemon maybe; env " + std::string(300, 'b') + ";");
    const size_t begin = error.find('\n') + 1;
    const std::string shown = error.substr(begin, error.find('\n', begin) - begin);
    const std::string caret = error.substr(error.find('\n', begin) + 1);
    EXPECT_LE(shown.size(), 8U + 120U);
    EXPECT_EQ(shown.substr(caret.find('^'), 5), "maybe");
}

TEST(ConfErrors, AVeryLongLineIsCutBetweenCharacters) {
    for (size_t ascii = 0; ascii < 3; ++ascii) {
        Reading reading;
        std::string word(ascii, 'a');
        for (int i = 0; i < 100; ++i) word += "\u20ac";
        const std::string error = reading.read("env " + word + "; daemon maybe; env " + word + ";");
        const size_t begin = error.find('\n') + 1 + 8;
        const std::string shown = error.substr(begin, error.find('\n', begin) - begin);
        EXPECT_TRUE(shown.starts_with("\u20ac")) << shown;
        EXPECT_TRUE(shown.ends_with("\u20ac")) << shown;
        EXPECT_LE(shown.size(), 123U);
    }
}

TEST(ConfErrors, OptionTextHasItsOwnEndAndPlace) {
    const std::vector<std::pair<const char*, std::string>> cases{
        {"daemon on", "unexpected end of parameter, expecting \";\" in command line"},
        {"daemon on; foo;", "unknown directive \"foo\" in command line"},
        {"events {}", "block directives are not supported in -g option in command line"},
        {"daemon maybe;",
         "invalid value \"maybe\" in \"daemon\" directive, it must be \"on\" or \"off\" in command line"},
        {"}", "unexpected \"}\" in command line"},
        {"daemon on; daemon on;", "\"daemon\" directive is duplicate in command line"},
        {"daemon off;", ""},
        {"", ""},
    };
    for (const auto& [text, message] : cases) {
        Reading reading;
        const std::string error = reading.read_option(text);
        EXPECT_EQ(error.substr(0, error.find('\n')), message);
    }
}

TEST(ConfErrors, OptionAndFileShareTheirDirectives) {
    Reading reading;
    EXPECT_EQ(reading.read_option("daemon off;"), "");
    const std::string error = reading.without_folder(reading.read("daemon on;"));
    EXPECT_EQ(error.substr(0, error.find('\n')), "\"daemon\" directive is duplicate in D/nginx.conf:1");
}

TEST(ConfErrors, MissingMainFileHasNoPlace) {
    Reading reading;
    Result<void> done = reading.parser.parse_file("/nonexistent/nginx.conf", reading.root.scope);
    ASSERT_FALSE(done);
    EXPECT_EQ(reading.parser.complete(done.error()).text,
              "open() \"/nonexistent/nginx.conf\" failed (2: No such file or directory)");
}

}  // namespace
}  // namespace sluice::conf::test
