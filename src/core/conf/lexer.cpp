// The lexer's rules. A backslash takes the next byte out of play; only \" \' \\ \t \r \n then become one byte, any
// other pair stays as written, which is what regular expressions in a configuration rely on.
#include "core/conf/lexer.h"

#include <string>

namespace sluice::conf {

namespace {

constexpr bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// The byte that a backslash and `c` stand for, or 0 where the pair stays as it is.
constexpr char escaped(char c) {
    switch (c) {
        case '"':
        case '\'':
        case '\\': return c;
        case 't': return '\t';
        case 'r': return '\r';
        case 'n': return '\n';
        default: return 0;
    }
}

}  // namespace

void Lexer::advance() {
    if (content_[at_++] != '\n') return;
    ++line_;
    line_start_ = at_;
}

void Lexer::skip_spaces_and_comments() {
    while (!at_end()) {
        if (peek() == '#') {
            while (!at_end() && peek() != '\n') advance();
        } else if (is_space(peek())) {
            advance();
        } else {
            return;
        }
    }
}

Result<Ending> Lexer::next(std::vector<Token>& words) {
    words.clear();
    for (;;) {
        skip_spaces_and_comments();
        if (at_end()) {
            if (words.empty()) return Ending::end_of_text;
            return unexpected_end(Failure::no_end, here());
        }
        const char c = peek();
        if (c == ';' || c == '{' || c == '}') {
            if (words.empty() != (c == '}')) return unexpected(words.empty() ? Failure::other : Failure::no_end, c);
            last_at_ = here();
            advance();
            if (c == '}') return Ending::block_close;
            return c == ';' ? Ending::semicolon : Ending::block_open;
        }
        Result<void> read = read_word(words);
        if (!read) return read.error();
    }
}

Result<void> Lexer::read_word(std::vector<Token>& words) {
    if (peek() == '"' || peek() == '\'') return read_quoted(words);
    return read_bare(words);
}

Result<void> Lexer::read_quoted(std::vector<Token>& words) {
    const Position start = here();
    const char quote = peek();
    advance();
    const size_t begin = at_;
    bool is_escaped = false;
    for (; !at_end(); advance()) {
        const Text raw = content_.substr(begin, at_ - begin);
        if (kind_ == Kind::file && raw.size() == kLongestWord) return too_long(start, raw, quote);
        if (!is_escaped && peek() == quote) {
            advance();
            words.push_back({unescape(raw), start, true});
            return check_after_quote();
        }
        is_escaped = !is_escaped && peek() == '\\';
    }
    return unexpected_end(Failure::open_quote, start);
}

/// Behind a quoted word must stand a space, an end, or the bracket that closes an `if` condition.
Result<void> Lexer::check_after_quote() {
    if (at_end()) return unexpected_end(Failure::no_end, here());
    const char c = peek();
    if (is_space(c) || c == ';' || c == '{' || c == ')') return {};
    return unexpected(Failure::other, c);
}

Result<void> Lexer::read_bare(std::vector<Token>& words) {
    const Position start = here();
    const size_t begin = at_;
    bool is_escaped = false;
    bool after_dollar = false;  // "${" opens a variable's name, not a block
    for (; !at_end(); advance()) {
        const char c = peek();
        const Text raw = content_.substr(begin, at_ - begin);
        if (kind_ == Kind::file && raw.size() == kLongestWord) return too_long(start, raw, 0);
        if (is_escaped) {
            is_escaped = false;
            continue;
        }
        if (c == '{' && after_dollar) continue;
        if (is_space(c) || c == ';' || c == '{') {
            words.push_back({unescape(raw), start, false});
            return {};
        }
        after_dollar = c == '$';
        is_escaped = c == '\\';
    }
    return unexpected_end(Failure::no_end, here());
}

Text Lexer::unescape(Text raw) {
    if (raw.find('\\') == Text::npos) return raw;
    const std::span<char> room = arena_.make_bytes(raw.size());
    size_t length = 0;
    for (size_t i = 0; i < raw.size(); ++i) {
        const char meant = raw[i] == '\\' && i + 1 < raw.size() ? escaped(raw[i + 1]) : '\0';
        if (meant != 0) {
            room[length++] = meant;
            ++i;
            continue;
        }
        room[length++] = raw[i];
    }
    return {room.data(), length};
}

Error Lexer::fail(Failure failure, const Position& at, std::string text) {
    failure_ = failure;
    failed_at_ = at;
    return Error(std::move(text));
}

Error Lexer::unexpected(Failure failure, char c) {
    return fail(failure, here(), std::string("unexpected \"") + c + "\"");
}

Error Lexer::unexpected_end(Failure failure, const Position& at) {
    if (kind_ == Kind::option) return fail(failure, at, "unexpected end of parameter, expecting \";\"");
    return fail(failure, at, "unexpected end of file, expecting \";\" or \"}\"");
}

Error Lexer::too_long(const Position& start, Text raw, char quote) {
    line_ = start.line;
    if (quote != 0) {
        return fail(Failure::other, start,
                    std::string("too long parameter, probably missing terminating \"") + quote + "\" character");
    }
    return fail(Failure::other, start, "too long parameter \"" + std::string(raw.substr(0, 10)) + "...\" started");
}

}  // namespace sluice::conf
