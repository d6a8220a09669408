// Value<T>: how words of a configuration become a T. Specialise it for a type of your own, or give an enum its names.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/base/units.h"
#include "core/conf/sequence.h"
#include "core/conf/token.h"

namespace sluice::conf {

class Parser;
struct Directive;

/// Names of an enum's values in order, for directives that take one of them: specialise with
/// `static constexpr std::array<Text, N> names`.
template <class E>
struct EnumNames;

/// A set of an enum's values, for directives that take several (`proxy_next_upstream error timeout`).
template <class E>
struct Flags {
    uint64_t bits = 0;
    constexpr bool has(E one) const { return (bits & (uint64_t{1} << static_cast<unsigned>(one))) != 0; }
    constexpr void add(E one) { bits |= uint64_t{1} << static_cast<unsigned>(one); }
};

namespace parse {
// The parsers behind the types; each words its error as nginx does and leaves `out` alone on failure.

/// on | off
Result<void> flag(Parser& parser, const Directive& row, const Token& word, bool& out);
/// A decimal number within the row's range and not above `most`. Negative ones only where the range has such.
Result<void> number(Parser& parser, const Directive& row, const Token& word, int64_t most, int64_t& out);
/// Durations: "1d12h", "500ms", "30s", "30" (seconds). Milliseconds know w d h m s ms, seconds know y M w d h m s.
Result<void> milliseconds(Parser& parser, const Directive& row, const Token& word, Msec& out);
Result<void> seconds(Parser& parser, const Directive& row, const Token& word, Seconds& out);
/// Sizes: "8k", "1m", "512".
Result<void> bytes(Parser& parser, const Directive& row, const Token& word, Bytes& out);
/// As bytes(), and "1g".
Result<void> offset(Parser& parser, const Directive& row, const Token& word, Bytes& out);
/// Index of the word among `names` without regard to case, else `invalid value "x"` and the names as suggestion.
Result<size_t> one_of(Parser& parser, const Directive& row, const Token& word, std::span<const Text> names);
/// Adds one bit for each word; a repeated one earns a warning.
Result<void> flags(Parser& parser, const Directive& row, Arguments words, std::span<const Text> names, uint64_t& out);
/// The memory of the generation being read.
Arena& arena_of(Parser& parser);

// The grammar alone, for parameters such as `inactive=10m`; nothing when malformed or too large.
std::optional<Msec> to_milliseconds(Text word);
std::optional<Seconds> to_seconds(Text word);
/// `with_giga` allows the suffix g, which nginx takes for offsets only.
std::optional<Bytes> to_bytes(Text word, bool with_giga = false);
}  // namespace parse

namespace detail {

/// "error | timeout ..." in static storage.
template <size_t Size>
struct Joined {
    std::array<char, Size> bytes{};
    constexpr Text text() const { return {bytes.data(), Size}; }
};

template <class E, bool MayBeSeveral>
constexpr auto join_names() {
    constexpr auto& kNames = EnumNames<E>::names;
    constexpr size_t kSize = [] {
        size_t size = MayBeSeveral ? 4 : 0;
        for (Text name : kNames) size += name.size() + 3;
        return size - 3;
    }();
    Joined<kSize> made;
    size_t at = 0;
    const auto put = [&](Text part) {
        for (char c : part) made.bytes[at++] = c;
    };
    for (size_t i = 0; i < kNames.size(); ++i) {
        if (i != 0) put(" | ");
        put(kNames[i]);
    }
    if (MayBeSeveral) put(" ...");
    return made;
}

template <class E, bool MayBeSeveral = false>
inline constexpr auto kNamesJoined = join_names<E, MayBeSeveral>();

}  // namespace detail

template <class T>
struct Value;

/// Base of values made of exactly one word.
struct OneWord {
    static constexpr uint8_t kLeastWords = 1;
    static constexpr uint8_t kMostWords = 1;
    static constexpr bool kMayRepeat = false;
};

template <>
struct Value<bool> : OneWord {
    static constexpr Text kSyntax = "on | off";
    static Result<void> parse(Parser& parser, const Directive& row, Arguments words, bool& out) {
        return parse::flag(parser, row, words[0], out);
    }
};

template <>
struct Value<Text> : OneWord {
    static constexpr Text kSyntax = "text";
    static Result<void> parse(Parser&, const Directive&, Arguments words, Text& out) {
        out = words[0].text;
        return {};
    }
};

template <class Integer>
requires std::is_integral_v<Integer>
struct Value<Integer> : OneWord {
    static constexpr Text kSyntax = "number";
    static Result<void> parse(Parser& parser, const Directive& row, Arguments words, Integer& out) {
        int64_t wide = 0;
        constexpr auto kMost = std::numeric_limits<Integer>::max();
        const int64_t most = std::cmp_less(kMost, INT64_MAX) ? static_cast<int64_t>(kMost) : INT64_MAX;
        Result<void> parsed = parse::number(parser, row, words[0], most, wide);
        if (parsed) out = static_cast<Integer>(wide);
        return parsed;
    }
};

template <>
struct Value<Msec> : OneWord {
    static constexpr Text kSyntax = "time";
    static Result<void> parse(Parser& parser, const Directive& row, Arguments words, Msec& out) {
        return parse::milliseconds(parser, row, words[0], out);
    }
};

template <>
struct Value<Seconds> : OneWord {
    static constexpr Text kSyntax = "time";
    static Result<void> parse(Parser& parser, const Directive& row, Arguments words, Seconds& out) {
        return parse::seconds(parser, row, words[0], out);
    }
};

template <>
struct Value<Bytes> : OneWord {
    static constexpr Text kSyntax = "size";
    static Result<void> parse(Parser& parser, const Directive& row, Arguments words, Bytes& out) {
        return parse::bytes(parser, row, words[0], out);
    }
};

template <>
struct Value<Offset> : OneWord {
    static constexpr Text kSyntax = "size";
    static Result<void> parse(Parser& parser, const Directive& row, Arguments words, Offset& out) {
        return parse::offset(parser, row, words[0], out);
    }
};

template <class E>
requires std::is_enum_v<E>
struct Value<E> : OneWord {
    static constexpr Text kSyntax = detail::kNamesJoined<E>.text();
    static Result<void> parse(Parser& parser, const Directive& row, Arguments words, E& out) {
        Result<size_t> index = parse::one_of(parser, row, words[0], EnumNames<E>::names);
        if (!index) return index.error();
        out = static_cast<E>(*index);
        return {};
    }
};

template <class E>
struct Value<Flags<E>> {
    static constexpr Text kSyntax = detail::kNamesJoined<E, true>.text();
    static constexpr uint8_t kLeastWords = 1;
    static constexpr uint8_t kMostWords = UINT8_MAX;
    static constexpr bool kMayRepeat = true;  // a second writing adds its values
    static Result<void> parse(Parser& parser, const Directive& row, Arguments words, Flags<E>& out) {
        return parse::flags(parser, row, words, EnumNames<E>::names, out.bits);
    }
};

/// `N SIZE`: a number of buffers and the size of each.
struct BufferCount {
    uint32_t number = 0;
    Bytes size;
};

template <>
struct Value<BufferCount> {
    static constexpr Text kSyntax = "number size";
    static constexpr uint8_t kLeastWords = 2;
    static constexpr uint8_t kMostWords = 2;
    static constexpr bool kMayRepeat = false;
    static Result<void> parse(Parser& parser, const Directive& row, Arguments words, BufferCount& out);
};

/// Each writing of the directive appends one T.
template <class T>
struct Value<Sequence<T>> {
    static constexpr Text kSyntax = [] {
        if constexpr (requires { Text(Value<T>::kSyntax); }) return Text(Value<T>::kSyntax);
        return Text();
    }();
    static constexpr uint8_t kLeastWords = Value<T>::kLeastWords;
    static constexpr uint8_t kMostWords = Value<T>::kMostWords;
    static constexpr bool kMayRepeat = true;
    static Result<void> parse(Parser& parser, const Directive& row, Arguments words, Sequence<T>& out) {
        T one{};
        Result<void> parsed = Value<T>::parse(parser, row, words, one);
        if (parsed) out.append(parse::arena_of(parser), std::move(one));
        return parsed;
    }
};

}  // namespace sluice::conf
