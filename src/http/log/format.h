// Format: a `log_format`, compiled once: a line is put together from constants and indexed variables, each value
// evaluated once and escaped into its place.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/conf/token.h"
#include "core/script/complex_value.h"

namespace sluice::http {
class Request;
}

namespace sluice::http::log {

enum class Escape : uint8_t { standard, json, none };

class Format {
 public:
    Format(Text name, Escape escape) : name_(name), escape_(escape) {}

    /// Adds one word of the directive; words follow each other without a blank. Errors are those of
    /// script::Complex::compile().
    Result<void> append(Arena& arena, script::VariableTable& table, const conf::Token& word);

    Text name() const { return name_; }
    Escape escape() const { return escape_; }
    /// A part of a line: a constant, a text of the clock, or a variable.
    struct Part {
        script::Complex::Part value;
        Text (*clock)() = nullptr;
    };
    std::span<const Part> parts() const { return parts_; }

 private:
    Text name_;
    Escape escape_;
    std::vector<Part> parts_;
};

/// One line of one request: evaluated when made, written where there is room for it. Lives no longer than the request
/// and the format.
class Line {
 public:
    Line(const Format& format, Request& request);
    Line(const Line&) = delete;

    /// Bytes, without a newline.
    size_t size() const { return size_; }
    /// Writes size() bytes; returns the end.
    char* write(char* at) const;

 private:
    struct Piece {
        Text text;
        size_t size;  ///< once escaped
    };
    Piece made(const Format::Part& part, Request& request) const;

    static constexpr size_t kOnStack = 40;
    std::array<Piece, kOnStack> few_;
    std::span<Piece> pieces_;
    Escape escape_;
    size_t size_ = 0;
};

}  // namespace sluice::http::log
