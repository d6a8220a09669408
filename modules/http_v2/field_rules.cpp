// The rules of RFC 9113 §8.2.
#include "field_rules.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <sluice/http/fields/token.h>

namespace sluice::http2 {

using http::KnownHeader;

namespace {

constexpr std::array<NameForm, 256> make_forms() {
    std::array<NameForm, 256> forms{};
    for (int i = 0; i < 256; ++i) {
        const auto c = static_cast<char>(i);
        NameForm& form = forms[static_cast<size_t>(i)];
        if ((c >= 'a' && c <= 'z') || text::is_digit(c) || c == '-') {
            form = NameForm::plain;
        } else if (c == '_') {
            form = NameForm::underscored;
        } else if (http::is_token_byte(c) && !(c >= 'A' && c <= 'Z')) {
            form = NameForm::unusual;
        } else {
            form = NameForm::invalid;
        }
    }
    return forms;
}
constexpr std::array<NameForm, 256> kForms = make_forms();

constexpr uint64_t kOnes = 0x0101010101010101ULL;

/// Whether all bytes of `value` are above `highest`, which is below 0x7f, and none is DEL. Eight are seen at once:
/// the first flaw of a word is told exactly, what lies above it may look like one.
template <unsigned char highest>
bool are_above(Text value) {
    constexpr size_t kWord = sizeof(uint64_t);
    const auto flaws_at = [](const char* at) {
        uint64_t word = 0;
        std::memcpy(&word, at, kWord);
        const uint64_t del = word ^ kOnes * 0x7f;
        return (((word - kOnes * (highest + 1U)) & ~word) | ((del - kOnes) & ~del)) & kOnes * 0x80;
    };
    const char* const end = value.data() + value.size();
    if (value.size() < kWord)
        return std::all_of(value.data(), end, [](char c) {
            const auto byte = static_cast<unsigned char>(c);
            return byte > highest && byte != 0x7f;
        });
    for (const char* at = value.data(); end - at > static_cast<ptrdiff_t>(kWord); at += kWord)
        if (flaws_at(at) != 0) return false;
    return flaws_at(end - kWord) == 0;
}

constexpr bool is_white(char c) {
    return c == ' ' || c == '\t';
}

}  // namespace

NameForm form_of(Text name) {
    if (name.empty()) return NameForm::invalid;
    NameForm form = NameForm::plain;
    for (const char c : name) form = std::max(form, kForms[static_cast<unsigned char>(c)]);
    return form;
}

bool is_value(Text value) {
    if (value.empty()) return true;
    if (is_white(value.front()) || is_white(value.back())) return false;
    if (are_above<0x1f>(value)) return true;
    return std::all_of(value.begin(), value.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte > 0x1f && byte != 0x7f) || c == '\t';
    });
}

bool is_pseudo_value(Text value) {
    return are_above<' '>(value);
}

bool is_of_connection(KnownHeader known) {
    return known == KnownHeader::connection || known == KnownHeader::keep_alive ||
           known == KnownHeader::proxy_connection || known == KnownHeader::transfer_encoding ||
           known == KnownHeader::upgrade;
}

bool is_allowed(KnownHeader known, Text value) {
    return !is_of_connection(known) && (known != KnownHeader::te || text::iequals(value, "trailers"));
}

}  // namespace sluice::http2
