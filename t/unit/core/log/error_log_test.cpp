// Targets of error_log: the directive's words, levels, files that are shared, reopened or full.
#include "core/log/error_log.h"

#include <sys/stat.h>

#include "core/log/clock.h"
#include "core/log/line_parts.h"
#include "core/log/open_files.h"
#include "core/log/process.h"
#include "fixture.h"

namespace sluice::log::test {
namespace {

struct Reading {
    Folder folder;
    OpenFiles files;
    ErrorLog log;
    size_t at_fault = 99;
    std::string prefix = folder.path("");

    /// Empty, or the message.
    std::string add(std::vector<Text> words) {
        Result<void> added = add_target(log, words, {files, prefix}, &at_fault);
        return added ? "" : added.error().text;
    }
};

TEST(ErrorLogDirective, WordsAreJudgedAsNginxDoes) {
    Reading reading;
    EXPECT_EQ(reading.add({"x", "bad"}), "invalid log level \"bad\"");
    EXPECT_EQ(reading.at_fault, 1U);
    EXPECT_EQ(reading.add({"x", "warn", "bad"}), "invalid log level \"bad\"");
    EXPECT_EQ(reading.at_fault, 2U);
    EXPECT_EQ(reading.add({"x", "warn", "info"}), "duplicate log level \"info\"");
    EXPECT_EQ(reading.add({"x", "debug_http", "info"}), "duplicate log level \"info\"");
    EXPECT_EQ(reading.add({"x", "info", "debug_http"}), "invalid log level \"debug_http\"");
    EXPECT_EQ(reading.add({"x", "stderr"}), "invalid log level \"stderr\"");
    EXPECT_EQ(reading.add({"syslog:server=1.1.1.1,foo=a"}), "unknown syslog parameter \"foo=a\"");
    EXPECT_EQ(reading.at_fault, 0U);
    EXPECT_TRUE(reading.log.is_empty());
#if SLUICE_DEBUG
    EXPECT_EQ(reading.add({"memory:abc"}), "invalid buffer size \"abc\"");
    EXPECT_EQ(reading.add({"memory:0"}), "invalid buffer size \"0\"");
    EXPECT_EQ(reading.add({"memory:2k", "debug"}), "invalid buffer size \"2k\"");
    EXPECT_EQ(reading.add({"memory:2112", "debug"}), "invalid buffer size \"2112\"");
    EXPECT_EQ(reading.add({"memory:1025m", "debug"}), "invalid buffer size \"1025m\"");
    EXPECT_EQ(reading.add({"memory:1g", "debug"}), "invalid buffer size \"1g\"");
    EXPECT_EQ(reading.add({"memory:3k", "debug"}), "");
    EXPECT_EQ(reading.add({"memory:1024m", "debug"}), "");
#else
    EXPECT_EQ(reading.add({"memory:32m", "debug"}), "sluice was built without debug support");
#endif
}

TEST(ErrorLogDirective, LevelDefaultsToError) {
    Reading reading;
    EXPECT_EQ(reading.add({"x"}), "");
    EXPECT_EQ(reading.log.threshold(), LogLevel::error);
    EXPECT_EQ(reading.add({"y", "debug_http", "debug_core"}), "");
    EXPECT_EQ(reading.log.threshold(), LogLevel::debug);
}

TEST(ErrorLog, EachTargetHasItsLevel) {
    Reading reading;
    EXPECT_EQ(reading.add({"all.log", "info"}), "");
    EXPECT_EQ(reading.add({reading.folder.path("bad.log"), "crit"}), "");
    ASSERT_TRUE(reading.files.open());
    Log log(&reading.log);
    set_echo_to_stderr(false);
    log.info("calm");
    log.alert(0, "storm");
    set_echo_to_stderr(true);
    const std::string time(Clock::error_log_time());
    const std::string id = std::to_string(::getpid()) + "#" + std::to_string(::getpid()) + ": ";
    EXPECT_EQ(reading.folder.read("all.log"),
              time + " [info] " + id + "calm\n" + time + " [alert] " + id + "storm\n");
    EXPECT_EQ(reading.folder.read("bad.log"), time + " [alert] " + id + "storm\n");
    EXPECT_EQ(reading.log.first_file()->path(), reading.prefix + "all.log");
}

TEST(ErrorLog, LongestLineIs2048Bytes) {
    Reading reading;
    EXPECT_EQ(reading.add({"x.log"}), "");
    ASSERT_TRUE(reading.files.open());
    set_echo_to_stderr(false);
    Log(&reading.log).error(0, std::string(4000, 'm'));
    set_echo_to_stderr(true);
    const std::string text = reading.folder.read("x.log");
    EXPECT_EQ(text.size(), 2048U);
    EXPECT_EQ(text.back(), '\n');
}

TEST(ErrorLog, JsonIsValidWhateverIsWritten) {
    Reading reading;
    EXPECT_EQ(reading.add({"x.log", "info", "json"}), "");
    EXPECT_EQ(reading.add({"y.log", "json"}), "");
    EXPECT_EQ(reading.add({"json", "json", "info"}), "invalid log level \"json\"");
    EXPECT_EQ(reading.at_fault, 1U);
    ASSERT_TRUE(reading.files.open());
    struct Case final : LogContext {
        void describe(TextBuilder& line) const override {
            line.add(" while testing");
            add_field(line, "client", "::1");
            add_quoted_field(line, "request", "GET ", Text("/\"\\\n\x7f\0\xc3\xa4\xe4", 9));
        }
    } context;
    Log log(&reading.log);
    log.set_connection(7);
    log.set_context(&context);
    set_echo_to_stderr(false);
    log.info("calm");
    set_echo_to_stderr(true);
    const std::string pid = std::to_string(::getpid());
    EXPECT_EQ(reading.folder.read("x.log"),
              "{\"time\":\"" + std::string(Clock::iso8601()) + "\",\"level\":\"info\",\"pid\":" + pid +
                  ",\"tid\":" + pid +
                  ",\"connection\":7,\"message\":\"calm while testing\",\"client\":\"::1\","
                  "\"request\":\"GET /\\\"\\\\\\n\\u007f\\u0000\xc3\xa4\\\\xE4\"}\n");
    EXPECT_EQ(reading.folder.read("y.log"), "");
    EXPECT_EQ(LineParts::current(), nullptr);
}

TEST(ErrorLog, StderrIsNotWrittenTwice) {
    Reading reading;
    EXPECT_EQ(reading.add({"stderr", "crit"}), "");
    EXPECT_EQ(reading.add({"x.log", "info"}), "");
    ASSERT_TRUE(reading.files.open());
    EXPECT_TRUE(reading.log.uses_stderr());
    const CaughtStderr caught;
    Log log(&reading.log);
    log.emerg(0, "once");
    log.warn(0, "echoed");
    const std::string text = caught.text();
    EXPECT_NE(text.find(" [emerg] "), std::string::npos);
    EXPECT_EQ(text.find("once"), text.rfind("once"));
    EXPECT_NE(text.find(": [warn] echoed\n"), std::string::npos);
}

TEST(ErrorLog, DebuggedConnectionReachesAllTargets) {
    Reading reading;
    EXPECT_EQ(reading.add({"x.log", "emerg"}), "");
    ASSERT_TRUE(reading.files.open());
    Log log(&reading.log);
    log.set_debugged(true);
    log.write(LogLevel::debug, 0, "traced");
    EXPECT_NE(reading.folder.read("x.log").find(" [debug] "), std::string::npos);
}

TEST(OpenFiles, SamePathIsOneFile) {
    Reading reading;
    File& one = reading.files.file(reading.folder.path("a"));
    EXPECT_EQ(&one, &reading.files.file(reading.folder.path("a")));
    EXPECT_NE(&one, &reading.files.file(reading.folder.path("b")));
}

TEST(OpenFiles, OpenFailsInNginxWords) {
    Reading reading;
    reading.files.file("/nonexistent/x.log");
    Result<void> opened = reading.files.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().text, "open() \"/nonexistent/x.log\" failed");
    EXPECT_EQ(opened.error().number, ENOENT);
}

TEST(OpenFiles, ModeIsNginxs) {
    Reading reading;
    reading.files.file(reading.folder.path("a"));
    const mode_t mask = ::umask(0);
    ASSERT_TRUE(reading.files.open());
    ::umask(mask);
    struct stat status {};
    ASSERT_EQ(::stat(reading.folder.path("a").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0644U);
}

class Held final : public Flusher {
 public:
    Held(File& file, std::string text) : file_(file), text_(std::move(text)) { file.add_flusher(*this); }
    void flush() override {
        const iovec piece{text_.data(), text_.size()};
        file_.append({&piece, 1});
        text_.clear();
    }

 private:
    File& file_;
    std::string text_;
};

TEST(OpenFiles, ReopenWritesWhatWasHeldToTheOldFile) {
    Reading reading;
    Capture capture;
    File& file = reading.files.file(reading.folder.path("a"));
    ASSERT_TRUE(reading.files.open());
    Held held(file, "held\n");
    ASSERT_EQ(::rename(reading.folder.path("a").c_str(), reading.folder.path("a.1").c_str()), 0);
    reading.files.reopen(Log(&capture), OpenFiles::kKeepOwner);
    std::string line = "fresh\n";
    const iovec piece{line.data(), line.size()};
    EXPECT_TRUE(file.append({&piece, 1}));
    EXPECT_EQ(reading.folder.read("a.1"), "held\n");
    EXPECT_EQ(reading.folder.read("a"), "fresh\n");
    EXPECT_TRUE(capture.lines.empty());
}

TEST(OpenFiles, ReopenThatFailsKeepsTheOldFile) {
    Reading reading;
    Capture capture;
    ASSERT_EQ(::mkdir(reading.folder.path("d").c_str(), 0755), 0);
    File& file = reading.files.file(reading.folder.path("d/a"));
    ASSERT_TRUE(reading.files.open());
    ASSERT_EQ(::rename(reading.folder.path("d").c_str(), reading.folder.path("e").c_str()), 0);
    reading.files.reopen(Log(&capture), OpenFiles::kKeepOwner);
    ASSERT_EQ(capture.lines.size(), 1U);
    EXPECT_NE(capture.lines[0].find("[emerg]"), std::string::npos);
    EXPECT_NE(capture.lines[0].find("open() \"" + reading.folder.path("d/a") + "\" failed (2: "), std::string::npos);
    std::string line = "old\n";
    const iovec piece{line.data(), line.size()};
    EXPECT_TRUE(file.append({&piece, 1}));
    EXPECT_EQ(reading.folder.read("e/a"), "old\n");
}

TEST(OpenFiles, ReopenGivesNewFilesAway) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
    Reading reading;
    Capture capture;
    reading.files.file(reading.folder.path("a"));
    ASSERT_TRUE(reading.files.open());
    reading.files.reopen(Log(&capture), 65534);
    struct stat status {};
    ASSERT_EQ(::stat(reading.folder.path("a").c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 65534U);
    EXPECT_TRUE(capture.lines.empty());
}

TEST(OpenFiles, FullDiskIsToldOnceAMinuteAndNotTriedAgainInTheSameSecond) {
    Capture capture;
    OpenFiles files;
    File& file = files.file("/dev/full");
    ASSERT_TRUE(files.open());
    std::string line = "x\n";
    const iovec piece{line.data(), line.size()};
    constexpr int64_t kStart = 1769860800000;
    for (int64_t second = 0; second <= 60; ++second) {
        Clock::update(kStart + second * 1000);
        EXPECT_FALSE(file.append({&piece, 1}, Log(&capture)));
        EXPECT_FALSE(file.append({&piece, 1}, Log(&capture)));
    }
    ASSERT_EQ(capture.lines.size(), 2U);
    EXPECT_NE(capture.lines[0].find("[alert]"), std::string::npos);
    EXPECT_NE(capture.lines[0].find("write() to \"/dev/full\" failed (28: No space left on device)"),
              std::string::npos);
    Clock::update();
}

}  // namespace
}  // namespace sluice::log::test
