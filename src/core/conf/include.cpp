// include FILE | PATTERN: reading files into the configuration.
#include "core/conf/include.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>

#include "core/base/unique_fd.h"
#include "core/conf/parser.h"
#include "core/conf/source.h"

namespace sluice::conf {

namespace {

Error failed(Text call, Text path, int number) {
    return Error(std::string(call).append("() \"").append(path).append("\" failed"), number);
}

/// The paths that match a pattern; glob(3) owns them.
class Matches {
 public:
    Matches() = default;
    Matches(const Matches&) = delete;
    ~Matches() { ::globfree(&found_); }
    int find(const char* pattern) { return ::glob(pattern, 0, nullptr, &found_); }
    size_t size() const { return found_.gl_pathc; }
    Text operator[](size_t i) const { return found_.gl_pathv[i]; }

 private:
    glob_t found_{};
};

/// Reads up to the end, not up to a size that was true a moment ago.
int read_all(int fd, std::string& out) {
    char room[16384];
    for (;;) {
        const ssize_t got = ::read(fd, room, sizeof room);
        if (got == 0) return 0;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno;
        out.append(room, static_cast<size_t>(got));
    }
}

}  // namespace

Result<void> parse::include(Parser& parser, const Directive&, void*, Arguments words) {
    return parser.include(words[0]);
}

Result<void> Parser::include(const Token& pattern) {
    const Text path = full_conf_path(pattern.text);
    point_at(pattern);
    if (path.find_first_of("*?[") == Text::npos) return read_file(path);

    Matches matches;
    const int outcome = matches.find(arena().copy_c_str(path));
    if (outcome == GLOB_NOMATCH) return {};
    if (outcome != 0) return failed("glob", path, outcome == GLOB_NOSPACE ? ENOMEM : errno);
    for (size_t i = 0; i < matches.size(); ++i) {
        point_at(pattern);
        Result<void> done = read_file(arena().copy(matches[i]));
        if (!done) return done;
    }
    return {};
}

Result<void> Parser::read_file(Text path) {
    const uint32_t depth = source_ != nullptr ? source_->depth + 1 : 0;
    if (depth > kDeepestInclude) {
        suggest("does a file include itself?");
        return Error(arena().concat("\"include\" directive is nested too deeply"));
    }
    Result<Text> content = load(path);
    if (!content) return content.error();
    Source source{Lexer(arena(), path, *content, Lexer::Kind::file), source_, depth};
    source_ = &source;
    Result<void> done = read(Unit::file);
    source_ = source.includer;
    return done;
}

/// A file that is included in many places is read once.
Result<Text> Parser::load(Text path) {
    for (const Dump& file : files_) {
        if (file.path == path) return file.content;
    }
    const UniqueFd fd(::open(arena().copy_c_str(path), O_RDONLY | O_CLOEXEC));
    if (!fd) return failed("open", path, errno);
    std::string content;
    if (const int number = read_all(fd.get(), content); number != 0) return failed("read", path, number);
    files_.push_back({path, arena().copy(content)});
    return files_.back().content;
}

Text Parser::full_path(Text path) {
    return path.starts_with('/') ? path : arena().concat(environment_.prefix, path);
}

Text Parser::full_conf_path(Text path) {
    return path.starts_with('/') ? path : arena().concat(environment_.conf_prefix, path);
}

}  // namespace sluice::conf
