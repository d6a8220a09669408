// The layout of error log lines, the limit of their length, and what reaches stderr.
#include "core/log/log.h"

#include <cerrno>

#include <sys/wait.h>

#include "core/log/process.h"
#include "fixture.h"

namespace sluice::log::test {
namespace {

std::string prefix(Text level) {
    const std::string id = std::to_string(::getpid());
    return "[" + std::string(level) + "] " + id + "#" + id + ": ";
}

class Client final : public LogContext {
 public:
    void describe(TextBuilder& line) const override { line.add(", client: 127.0.0.1"); }
};

class LongClient final : public LogContext {
 public:
    void describe(TextBuilder& line) const override { line.add(", request: \"", std::string(5000, 'x'), "\""); }
};

TEST(Log, LineHasLevelProcessConnectionErrnoAndContext) {
    const Capture capture;
    const Client client;
    Log log(&capture);
    log.write(LogLevel::notice, 0, "start worker processes");
    log.set_connection(5);
    log.set_context(&client);
    log.error(ENOENT, "open() \"", "/x", "\" failed");
    ASSERT_EQ(capture.lines.size(), 2U);
    EXPECT_EQ(capture.lines[0], prefix("notice") + "start worker processes");
    EXPECT_EQ(capture.lines[1],
              prefix("error") + "*5 open() \"/x\" failed (2: No such file or directory), client: 127.0.0.1");
}

TEST(Log, DebugLinesDoNotDescribeTheCase) {
    const Capture capture;
    const Client client;
    Log log(&capture);
    log.set_context(&client);
    log.write(LogLevel::debug, 0, "timer");
    EXPECT_EQ(capture.lines[0], prefix("debug") + "timer");
}

TEST(Log, WantsNoMoreThanTheRoute) {
    const Capture capture(LogLevel::warn);
    Log log(&capture);
    log.notice("no");
    log.warn(0, "yes");
    EXPECT_EQ(capture.lines.size(), 1U);
    log.set_debugged(true);
    log.write(LogLevel::debug, 0, "a debugged connection");
    EXPECT_EQ(capture.lines.size(), 2U);
}

TEST(Log, LongLineIsCutSoThatTimeAndNewlineStillFit) {
    const Capture capture;
    const LongClient client;
    Log log(&capture);
    log.error(0, std::string(3000, 'm'));
    constexpr size_t kLongest = Log::kLongestLine - sizeof("2026/01/31 12:00:00 ") + 1 - 1;
    EXPECT_EQ(capture.lines[0].size(), kLongest);
    log.set_context(&client);
    log.error(EIO, "short");
    EXPECT_EQ(capture.lines[1].size(), kLongest);
}

class Hostile final : public LogContext {
 public:
    void describe(TextBuilder& line) const override { line.add(", host: \"a\x1b[2J\""); }
};

TEST(Log, ControlBytesAreEscapedWhereverTheyStand) {
    const Capture capture;
    const Hostile client;
    Log log(&capture);
    log.set_context(&client);
    const std::string bytes{"X: a\0b\tc\r\nd\x7f", 12};
    log.info("client sent invalid header line: \"", bytes, "\"");
    EXPECT_EQ(capture.lines[0],
              prefix("info") + R"(client sent invalid header line: "X: a\x00b\x09c\x0D\x0Ad\x7F", host: "a\x1B[2J")");
    // At every place of a line whose length is no multiple of anything; what is no control byte stays.
    log.set_context(nullptr);
    for (size_t at = 0; at < 40; ++at) {
        std::string text(40, ' ');
        text += "~\x80\xff";
        log.info(text);
        EXPECT_EQ(capture.lines.back(), prefix("info") + text);
        text[at] = at % 2 == 0 ? '\x1f' : '\x7f';
        log.info(text);
        EXPECT_EQ(capture.lines.back(),
                  prefix("info") + text.substr(0, at) + (at % 2 == 0 ? "\\x1F" : "\\x7F") + text.substr(at + 1));
    }
}

TEST(Log, EscapedLineIsCutLikeAnyOther) {
    const Capture capture;
    Log(&capture).info(std::string(2000, '\n'));
    EXPECT_EQ(capture.lines[0].size(), Log::kLongestLine - sizeof("2026/01/31 12:00:00 "));
}

TEST(Log, ComplaintsOfAConfigurationHaveSeveralLines) {
    const CaughtStderr caught;
    const Capture capture;
    Log(&capture).emerg(0, "unknown directive \"x\"\n    1 | x;\n");
    EXPECT_EQ(capture.lines[0], prefix("emerg") + "unknown directive \"x\"\n    1 | x;\n");
}

TEST(Log, KeepsErrno) {
    const Capture capture;
    errno = EPIPE;
    Log(&capture).error(ENOENT, "x");
    EXPECT_EQ(errno, EPIPE);
}

TEST(Log, ChildWritesItsOwnNumber) {
    Capture capture;
    Log log(&capture);
    log.notice("parent");
    const pid_t child = ::fork();
    if (child == 0) {
        log.notice("child");
        ::_exit(capture.lines.back() == prefix("notice") + "child" ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

class QuietCapture final : public LogRoute {
 public:
    QuietCapture() { threshold_ = LogLevel::info; }
    void emit(LogLevel, Text) const override {}
};

TEST(Log, EchoesWarningsToStderrUntilToldNotTo) {
    const QuietCapture capture;
    const CaughtStderr caught;
    Log log(&capture);
    log.set_connection(7);
    log.warn(ENOENT, "w");
    log.notice("n");
    set_echo_to_stderr(false);
    log.emerg(0, "after");
    set_echo_to_stderr(true);
    EXPECT_EQ(caught.text(), std::string(program_name()) + ": [warn] w (2: No such file or directory)\n");
}

TEST(Log, WithoutRouteGoesToStderr) {
    const CaughtStderr caught;
    Log log;
    log.emerg(0, "no configuration");
    log.write(LogLevel::stderr_only, 0, "invalid option: \"-x\"");
    log.info("not wanted");
    const std::string name(program_name());
    EXPECT_EQ(caught.text(), name + ": [emerg] no configuration\n" + name + ": invalid option: \"-x\"\n");
}

}  // namespace
}  // namespace sluice::log::test
