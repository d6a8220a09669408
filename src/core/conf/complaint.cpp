// What the parser says when something is wrong: the place, and advice where the mistake can be guessed.
#include <utility>

#include "core/conf/diagnostic.h"
#include "core/conf/include.h"
#include "core/conf/parser.h"
#include "core/conf/source.h"

namespace sluice::conf {

namespace {

/// The place just behind a word, as far as it is known: an escaped word was longer in the file.
Position behind(const Token& word) {
    Position at = word.at;
    at.column += static_cast<uint32_t>(word.text.size() + (word.is_quoted ? 2 : 0));
    return at;
}

/// "server" or "location"
std::string list_contexts(std::span<const KnownDirective> known) {
    std::vector<Text> names;
    for (uint32_t bit = 0; bit < kContexts; ++bit) {
        const auto context = static_cast<Context>(1U << bit);
        bool is_any = false;
        for (const KnownDirective& one : known) is_any |= one.row->where.has(context);
        if (is_any) names.push_back(context_name(context));
    }
    std::string list;
    for (size_t i = 0; i < names.size(); ++i) {
        if (i != 0) list += i + 1 == names.size() ? " or " : ", ";
        list.append("\"").append(names[i]).append("\"");
    }
    return list;
}

}  // namespace

bool Parser::is_complete(const Error& error) const {
    return !complete_text_.empty() && error.text == complete_text_;
}

Error Parser::complete(const Error& error) {
    if (is_complete(error)) return error;
    const Position pointed = pointed_.line == 0 && directive_ != nullptr ? directive_->at : pointed_;
    const Position told = told_line();
    complete_text_ = render({
        .message = error.text,
        .number = error.number,
        .place = hides_place_ ? Text{} : told_place(),
        .pointed = pointed,
        .content = content_of(pointed.file),
        .told_line = !hides_place_ && told.file == pointed.file ? told.line : 0,
        .advice = advice_,
    });

    Error made(std::string_view{complete_text_}, 0);
    made.source = error.source;
    return made;
}

Place Parser::place_of(const Token& word) const {
    return {word.at, source_ != nullptr ? source_->lexer.line() : word.at.line};
}

void Parser::point_at_writer(const Origin& origin) {
    for (const auto& [setting, at] : written_)
        if (setting == &origin) pointed_ = at;
}

void Parser::forget_place() {
    pointed_ = {};
    told_.reset();
    hides_place_ = false;
    advice_ = {};
}

/// nginx's idea of the line: the one where the statement ends.
Position Parser::told_line() const {
    if (told_) return {told_->at.file, told_->line, 0};
    return source_ != nullptr ? Position{source_->lexer.file(), source_->lexer.line(), 0} : Position{};
}

/// " in FILE:LINE"
Text Parser::told_place() const {
    if (source_ == nullptr) return {};
    if (source_->lexer.kind() == Lexer::Kind::option) return " in command line";
    const Position told = told_line();
    return environment_.arena.concat(" in ", told.file, ":", std::to_string(told.line));
}

Text Parser::content_of(Text file) const {
    for (const Source* source = source_; source != nullptr; source = source->includer) {
        if (source->lexer.file() == file) return source->lexer.content();
    }
    for (const Dump& dump : files_) {
        if (dump.path == file) return dump.content;
    }
    return {};
}

void Parser::warn(Text text) {
    log().write(LogLevel::warn, 0, text, told_place());
}

Error Parser::fail_in_lexer(Error error, Arguments words) {
    const Lexer& lexer = source_->lexer;
    pointed_ = lexer.failed_at();
    if (lexer.is_in_quotes()) {
        advice_ = "this quote is not closed";
    } else if (!words.empty() && lexer.expects_end()) {
        pointed_ = behind(words.back());
        advice_ = arena().concat("a \";\" is missing after \"", words.back().text, "\"");
    }
    return complete(error);
}

void Parser::advise_unclosed_block() {
    if (directive_ == nullptr) return;
    pointed_ = directive_->at;
    advice_ = arena().concat("this \"", directive_->text, "\" block is not closed");
}

/// The classic mistake: a directive swallows the next line because its ";" is missing.
void Parser::advise_missing_semicolon(Arguments words) {
    for (size_t i = 1; i < words.size(); ++i) {
        const Token& before = words[i - 1];
        if (words[i].at.line == before.at.line || words[i].is_quoted) continue;
        if (words[i].text != kInclude.name && !environment_.directives.knows(words[i].text)) continue;
        pointed_ = behind(before);
        advice_ = arena().concat("a \";\" is missing after \"", before.text, "\"");
        return;
    }
}

Error Parser::not_allowed(const Token& name, std::span<const KnownDirective> known) {
    suggest(arena().concat("\"", name.text, "\" belongs in ", list_contexts(known)));
    return Error(arena().concat("\"", name.text, "\" directive is not allowed here"));
}

Error Parser::unknown(const Token& name) {
    constexpr Text kByteOrderMark = "\xEF\xBB\xBF";
    if (name.text.starts_with(kByteOrderMark)) {
        // Nobody sees it: "did you mean" the very same word would not help.
        suggest("the file begins with a byte order mark; save it without one");
    } else if (const std::string advice = environment_.directives.advise(name.text, scope_->context);
               !advice.empty()) {
        suggest(arena().copy(advice));
    }
    return Error(arena().concat("unknown directive \"", name.text, "\""));
}

}  // namespace sluice::conf
