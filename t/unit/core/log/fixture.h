// A folder of its own for each test, and whatever a test wants to read back.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/unique_fd.h"
#include "core/log/log.h"

namespace sluice::log::test {

class Folder {
 public:
    Folder() {
        char name[] = "/tmp/sluice-log-XXXXXX";
        path_ = ::mkdtemp(name);
    }
    ~Folder() { [[maybe_unused]] const int status = std::system(("rm -rf " + path_).c_str()); }
    std::string path(const std::string& name) const { return path_ + "/" + name; }
    std::string read(const std::string& name) const {
        std::ifstream in(path(name));
        std::ostringstream all;
        all << in.rdbuf();
        return all.str();
    }

 private:
    std::string path_;
};

/// Keeps lines instead of writing them.
class Capture final : public LogRoute {
 public:
    explicit Capture(LogLevel threshold = LogLevel::debug) {
        threshold_ = threshold;
        stderr_threshold_ = LogLevel::debug;
    }
    void emit(LogLevel, Text line) const override { lines.emplace_back(line); }
    mutable std::vector<std::string> lines;
};

/// What is written to stderr while this lives.
class CaughtStderr {
 public:
    CaughtStderr() : saved_(::dup(STDERR_FILENO)) {
        ::fflush(stderr);
        ::dup2(::fileno(file_), STDERR_FILENO);
    }
    ~CaughtStderr() {
        ::dup2(saved_.get(), STDERR_FILENO);
        std::fclose(file_);
    }
    std::string text() const {
        std::string all(1 << 16U, '\0');
        const ssize_t size = ::pread(::fileno(file_), all.data(), all.size(), 0);
        all.resize(size > 0 ? static_cast<size_t>(size) : 0);
        return all;
    }

 private:
    std::FILE* file_ = std::tmpfile();
    UniqueFd saved_;
};

}  // namespace sluice::log::test
