// TextBuilder: puts texts and numbers one behind the other into memory that the caller has; too much is cut, never
// overrun.
#pragma once

#include <concepts>
#include <cstring>
#include <span>

#include "core/base/text.h"

namespace sluice {

/// A number to be written in hexadecimal, at least `width` digits.
struct Hex {
    uint64_t value;
    unsigned width = 1;
};

/// A number to be written in decimal with leading zeros up to `width` digits.
struct Padded {
    uint64_t value;
    unsigned width;
};

class TextBuilder {
 public:
    explicit TextBuilder(std::span<char> room) : begin_(room.data()), at_(begin_), end_(begin_ + room.size()) {}

    /// Appends each part: Text, char, bool-free integers, Hex or Padded.
    template <class... Parts>
    TextBuilder& add(const Parts&... parts) {
        (put(parts), ...);
        return *this;
    }

    Text text() const { return {begin_, static_cast<size_t>(at_ - begin_)}; }
    size_t room() const { return static_cast<size_t>(end_ - at_); }
    /// True once something did not fit.
    bool was_cut() const { return was_cut_; }
    void clear() {
        at_ = begin_;
        was_cut_ = false;
    }

 private:
    /// In place everywhere: a part whose length is known to the compiler becomes one or two stores.
    [[gnu::always_inline]] void put(Text part) {
        if (part.size() > room()) [[unlikely]]
            return put_what_fits(part);
        if (!part.empty()) std::memcpy(at_, part.data(), part.size());
        at_ += part.size();
    }
    [[gnu::noinline]] void put_what_fits(Text part) {
        was_cut_ = true;
        if (room() != 0) std::memcpy(at_, part.data(), room());
        at_ = end_;
    }
    [[gnu::always_inline]] void put(const char* part) { put(Text(part)); }
    void put(char part) { put(Text(&part, 1)); }
    template <std::unsigned_integral Integer>
    void put(Integer value) {
        char digits[20];
        put(Text(digits, static_cast<size_t>(text::write_uint(digits, value) - digits)));
    }
    template <std::signed_integral Integer>
    void put(Integer value) {
        if (value < 0) put('-');
        put(value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value));
    }
    void put(Padded number) {
        char digits[20];
        const auto length = static_cast<size_t>(text::write_uint(digits, number.value) - digits);
        for (size_t i = length; i < number.width; ++i) put('0');
        put(Text(digits, length));
    }
    void put(Hex number) {
        char digits[16];
        size_t length = 0;
        for (uint64_t rest = number.value; rest != 0 || length < number.width; rest >>= 4U)
            digits[15 - length++] = "0123456789abcdef"[rest & 15U];
        put(Text(digits + 16 - length, length));
    }

    char* begin_;
    char* at_;
    char* end_;
    bool was_cut_ = false;
};

}  // namespace sluice
