// Formats and lines of the access log.
#include "http/log/format.h"

#include <algorithm>
#include <cstring>

#include "core/log/clock.h"
#include "http/request.h"
#include "http/uri/log_escape.h"

namespace sluice::http::log {

namespace {

using script::Complex;

/// Times are read from where they stand: nothing of them is copied but into the line.
Text (*clock_of(const Complex::Part& part, const script::VariableTable& table))() {
    if (part.kind != Complex::Kind::variable) return nullptr;
    const Text name = table.name(part.number);
    if (name == "time_local") return sluice::log::Clock::access_log_time;
    if (name == "time_iso8601") return sluice::log::Clock::iso8601;
    return nullptr;
}

/// A log line has no captures: as in nginx, `$1` is a variable of that name, which nobody has.
Text without_capture(Arena& arena, Text piece) {
    if (piece.size() < 2 || piece[0] != '$' || !text::is_digit(piece[1])) return piece;
    size_t end = 1;
    while (end < piece.size() && (text::is_alpha(piece[end]) || text::is_digit(piece[end]) || piece[end] == '_'))
        ++end;
    return arena.concat("${", piece.substr(1, end - 1), "}", piece.substr(end));
}

size_t escaped_size(Escape escape, Text text) {
    switch (escape) {
        case Escape::standard: return uri::log_escaped_size(text);
        case Escape::json: return uri::json_escaped_size(text);
        case Escape::none: break;
    }
    return text.size();
}

}  // namespace

Result<void> Format::append(Arena& arena, script::VariableTable& table, const conf::Token& word) {
    size_t begin = 0;
    do {
        const size_t end = std::min(word.text.find('$', begin + 1), word.text.size());
        const Text piece = word.text.substr(begin, end - begin);
        Result<Complex> compiled = Complex::compile(arena, table, without_capture(arena, piece), word.at);
        if (!compiled && compiled.error().text == "invalid variable name")
            return Error(arena.concat("invalid parameter \"", word.text.substr(begin), "\""));
        if (!compiled) return compiled.error();
        if (compiled->is_constant()) parts_.push_back({{.kind = Complex::Kind::literal, .text = piece}, nullptr});
        for (const Complex::Part& part : compiled->parts()) parts_.push_back({part, clock_of(part, table)});
        begin = end;
    } while (begin < word.text.size());
    return {};
}

Line::Line(const Format& format, Request& request) : escape_(format.escape()) {
    const std::span<const Format::Part> parts = format.parts();
    pieces_ = parts.size() <= kOnStack ? std::span(few_).first(parts.size())
                                       : request.arena().make_array<Piece>(parts.size());
    for (size_t i = 0; i < parts.size(); ++i) {
        pieces_[i] = made(parts[i], request);
        size_ += pieces_[i].size;
    }
}

Line::Piece Line::made(const Format::Part& part, Request& request) const {
    if (part.value.kind == Complex::Kind::literal) return {part.value.text, part.value.text.size()};
    const Text text = part.clock != nullptr ? part.clock() : part.value.value(request);
    if (!script::is_found(text)) {
        const Text missing = escape_ == Escape::standard ? Text("-") : Text("");
        return {missing, missing.size()};
    }
    return {text, escaped_size(escape_, text)};
}

// A piece that needs no escape, and every constant, has the size of its text.
char* Line::write(char* at) const {
    for (const Piece& piece : pieces_) {
        if (piece.size == piece.text.size()) {
            if (piece.size != 0) std::memcpy(at, piece.text.data(), piece.size);
        } else if (escape_ == Escape::json) {
            uri::json_escape(piece.text, {at, piece.size});
        } else {
            uri::log_escape(piece.text, {at, piece.size});
        }
        at += piece.size;
    }
    return at;
}

}  // namespace sluice::http::log
