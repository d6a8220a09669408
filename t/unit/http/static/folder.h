// A temporary folder with files, for the tests of what looks at files.
#pragma once

#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/base/unique_fd.h"

namespace sluice::http::test {

class Folder {
 public:
    Folder() {
        char name[] = "/tmp/sluice-unit-XXXXXX";
        EXPECT_NE(::mkdtemp(name), nullptr);
        path_ = name;
    }
    Folder(const Folder&) = delete;
    ~Folder() { EXPECT_EQ(std::system(("rm -rf " + path_).c_str()), 0); }

    std::string path(Text name) const { return path_ + "/" + std::string(name); }
    void write(Text name, Text content) const {
        const UniqueFd fd(::open(path(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
        EXPECT_EQ(::write(fd.get(), content.data(), content.size()), static_cast<ssize_t>(content.size()));
    }
    /// Another file takes the name.
    void replace(Text name, Text content) const {
        write("fresh", content);
        EXPECT_EQ(::rename(path("fresh").c_str(), path(name).c_str()), 0);
    }
    void remove(Text name) const { EXPECT_EQ(::unlink(path(name).c_str()), 0); }

 private:
    std::string path_;
};

}  // namespace sluice::http::test
