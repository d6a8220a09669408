// Lexer: cuts the text of a configuration file into statements, by nginx's rules for quotes, escapes and comments.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/conf/token.h"

namespace sluice::conf {

/// What a statement ended with.
enum class Ending : uint8_t {
    semicolon,
    block_open,   ///< "{"
    block_close,  ///< "}"; the statement has no words
    end_of_text,  ///< the statement has no words
};

class Lexer {
 public:
    /// Bytes of the longest word as written, quotes not counted; nginx reads files with a buffer of this size.
    static constexpr size_t kLongestWord = 4096;

    enum class Kind : uint8_t {
        file,
        option,  ///< the text of `-g`: no limit on a word, and an end of its own
    };

    /// `file` names the text in positions. Both must live as long as the words; words with escapes are copied to
    /// `arena`.
    Lexer(Arena& arena, Text file, Text content, Kind kind)
        : arena_(arena), file_(file), content_(content), kind_(kind) {}

    /// Reads one statement into `words`. After an error failed_at() tells the place, and `words` holds what came
    /// before it.
    Result<Ending> next(std::vector<Token>& words);

    /// The line that was read last; nginx's messages name it.
    uint32_t line() const { return line_; }
    const Position& failed_at() const { return failed_at_; }
    /// The failure is a quote that is never closed: failed_at() is where it begins.
    bool is_in_quotes() const { return failure_ == Failure::open_quote; }
    /// The failure is that the statement has no ";".
    bool expects_end() const { return failure_ == Failure::no_end; }
    /// Where the last word or bracket that next() took begins.
    const Position& last_at() const { return last_at_; }
    Text file() const { return file_; }
    Text content() const { return content_; }
    Kind kind() const { return kind_; }

 private:
    bool at_end() const { return at_ == content_.size(); }
    char peek() const { return content_[at_]; }
    void advance();
    Position here() const { return {file_, line_, static_cast<uint32_t>(at_ - line_start_ + 1)}; }

    void skip_spaces_and_comments();
    Result<void> read_word(std::vector<Token>& words);
    Result<void> read_quoted(std::vector<Token>& words);
    Result<void> read_bare(std::vector<Token>& words);
    Result<void> check_after_quote();
    Text unescape(Text raw);

    enum class Failure : uint8_t { none, open_quote, no_end, other };

    Error fail(Failure failure, const Position& at, std::string text);
    Error unexpected(Failure failure, char c);
    Error unexpected_end(Failure failure, const Position& at);
    Error too_long(const Position& start, Text raw, char quote);

    Arena& arena_;
    Text file_;
    Text content_;
    Kind kind_;
    size_t at_ = 0;
    size_t line_start_ = 0;
    uint32_t line_ = 1;
    Failure failure_ = Failure::none;
    Position failed_at_;
    Position last_at_;
};

}  // namespace sluice::conf
