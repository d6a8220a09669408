// The command line: what nginx accepts, refuses and says.
#include "cli/arguments.h"

#include <vector>

#include <gtest/gtest.h>

#include "cli/paths.h"
#include "config.h"

namespace sluice::cli {
namespace {

Result<Arguments> parse(std::vector<std::string> words) {
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    return parse_arguments(pointers);
}

std::string error_of(const std::vector<std::string>& words) {
    Result<Arguments> made = parse(words);
    return made ? "" : made.error().text;
}

TEST(CommandLine, RefusesInNginxsWords) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
        {{"-x"}, "invalid option: \"x\""},
        {{"foo"}, "invalid option: \"foo\""},
        {{"-tx"}, "invalid option: \"x\""},
        {{"-c"}, "option \"-c\" requires file name"},
        {{"-e"}, "option \"-e\" requires file name"},
        {{"-p"}, "option \"-p\" requires directory name"},
        {{"-g"}, "option \"-g\" requires parameter"},
        {{"-s"}, "option \"-s\" requires parameter"},
        {{"-s", "foo"}, "invalid option: \"-s foo\""},
        {{"-sfoo"}, "invalid option: \"-s foo\""},
        {{"-s", ""}, "invalid option: \"-s \""},
        {{"-g", "", "-c", "", "-e", "", "-p", ""}, ""},
        {{"--nonsense"}, "invalid option: \"--nonsense\""},
        {{"--help-directive"}, "option \"--help-directive\" requires directive name"},
        {{"-t", "-"}, ""},
        {{}, ""},
    };
    for (const auto& [words, message] : cases) EXPECT_EQ(error_of(words), message);
}

TEST(CommandLine, LettersMayBeJoinedAndValuesToo) {
    Result<Arguments> made = parse({"-tq", "-p/srv", "-cx.conf", "-g", "daemon off;", "-e", "stderr"});
    ASSERT_TRUE(made);
    EXPECT_TRUE(made->wants_test);
    EXPECT_TRUE(made->is_quiet);
    EXPECT_FALSE(made->wants_dump);
    EXPECT_EQ(made->prefix, "/srv");
    EXPECT_EQ(made->conf, "x.conf");
    EXPECT_EQ(made->directives, "daemon off;");
    EXPECT_EQ(made->error_log, "stderr");
}

TEST(CommandLine, AFlagMayBeFollowedByAValueInTheSameWord) {
    Result<Arguments> made = parse({"-tc", "x.conf"});
    ASSERT_TRUE(made);
    EXPECT_TRUE(made->wants_test);
    EXPECT_EQ(made->conf, "x.conf");
}

TEST(CommandLine, SomeFlagsImplyOthers) {
    EXPECT_TRUE(parse({"-h"})->wants_version);
    EXPECT_TRUE(parse({"-?"})->wants_help);
    EXPECT_TRUE(parse({"-V"})->wants_version);
    EXPECT_TRUE(parse({"-V"})->wants_configuration);
    EXPECT_FALSE(parse({"-v"})->wants_configuration);
    EXPECT_TRUE(parse({"-T"})->wants_test);
    EXPECT_TRUE(parse({"-T"})->wants_dump);
}

TEST(CommandLine, KnowsTheSignals) {
    for (const char* signal : {"stop", "quit", "reopen", "reload"}) {
        EXPECT_EQ(parse({"-s", signal})->signal, signal);
        EXPECT_EQ(parse({std::string("-s") + signal})->signal, signal);
    }
}

TEST(CommandLine, KnowsItsOwnOptions) {
    EXPECT_TRUE(parse({"-m"})->lists_modules);
    EXPECT_TRUE(parse({"--list-directives"})->lists_directives);
    EXPECT_TRUE(parse({"--list-variables"})->lists_variables);
    EXPECT_EQ(parse({"--help-directive", "listen"})->explained, "listen");
}

TEST(Paths, EverythingStartsFromThePrefix) {
    Arguments arguments;
    arguments.prefix = "/srv/web";
    arguments.conf = "etc/site.conf";
    arguments.error_log = "x.log";
    const cycle::Options options = make_options(arguments);
    EXPECT_EQ(options.prefix, "/srv/web/");
    EXPECT_EQ(options.conf_path, "/srv/web/etc/site.conf");
    EXPECT_EQ(options.conf_prefix, "/srv/web/etc/");
    EXPECT_EQ(options.error_log, "/srv/web/x.log");
    EXPECT_FALSE(options.is_test);
}

TEST(Paths, AbsoluteOnesStay) {
    Arguments arguments;
    arguments.prefix = "/srv/web/";
    arguments.conf = "/etc/site.conf";
    arguments.error_log = "stderr";
    const cycle::Options options = make_options(arguments);
    EXPECT_EQ(options.prefix, "/srv/web/");
    EXPECT_EQ(options.conf_path, "/etc/site.conf");
    EXPECT_EQ(options.conf_prefix, "/etc/");
    EXPECT_EQ(options.error_log, "stderr");
}

TEST(Paths, TheCompiledPrefixIsTheDefault) {
    const cycle::Options options = make_options({});
    EXPECT_EQ(options.prefix, SLUICE_PREFIX);
    const std::string conf = SLUICE_CONF_PATH;
    EXPECT_EQ(options.conf_path, conf.starts_with('/') ? conf : SLUICE_PREFIX + conf);
}

TEST(Paths, TestsAndSignalsTouchNothing) {
    Arguments arguments;
    arguments.signal = "reload";
    EXPECT_TRUE(make_options(arguments).is_test);
    arguments.signal = "";
    arguments.wants_test = true;
    EXPECT_TRUE(make_options(arguments).is_test);
}

}  // namespace
}  // namespace sluice::cli
