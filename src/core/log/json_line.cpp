// JSON of a line's parts.
#include "core/log/json_line.h"

#include "core/log/clock.h"

namespace sluice::log {

namespace {

/// Bytes of the UTF-8 sequence that `text` begins with (RFC 3629 §4); 0: it is none.
size_t sequence_length(Text text) {
    const auto byte = [text](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const auto is_next = [byte](size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
    const unsigned first = byte(0);
    const unsigned second = byte(1);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return is_next(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const bool is_overlong = first == 0xe0 && second < 0xa0;
        const bool is_surrogate = first == 0xed && second >= 0xa0;
        return is_next(1) && is_next(2) && !is_overlong && !is_surrogate ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const bool is_overlong = first == 0xf0 && second < 0x90;
        const bool is_too_large = first == 0xf4 && second >= 0x90;
        return is_next(1) && is_next(2) && is_next(3) && !is_overlong && !is_too_large ? 4 : 0;
    }
    return 0;
}

void add_string(TextBuilder& out, Text text) {
    out.add('"');
    while (!text.empty()) {
        const auto byte = static_cast<unsigned char>(text.front());
        const size_t length = sequence_length(text);
        if (length == 0) {
            constexpr Text kDigits = "0123456789ABCDEF";
            out.add("\\\\x", kDigits[byte >> 4U], kDigits[byte & 15U]);
        } else if (byte == '"' || byte == '\\') {
            out.add('\\', text.front());
        } else if (byte == '\n') {
            out.add("\\n");
        } else if (byte < 0x20 || byte == 0x7f) {
            out.add("\\u", Hex{byte, 4});
        } else {
            out.add(text.substr(0, length));
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    out.add('"');
}

}  // namespace

Text write_json_line(std::span<char> room, LogLevel level, const LineParts& parts) {
    TextBuilder out(room);
    out.add("{\"time\":\"", Clock::iso8601(), "\",\"level\":\"", log_level_name(level), "\",\"pid\":", parts.process,
            ",\"tid\":", parts.thread);
    if (parts.connection != 0) out.add(",\"connection\":", parts.connection);
    out.add(",\"message\":");
    add_string(out, parts.message);
    for (size_t i = 0; i < parts.field_count; ++i) {
        out.add(",\"", parts.fields[i].name, "\":");
        add_string(out, parts.fields[i].value);
    }
    out.add('}');
    return out.text();
}

}  // namespace sluice::log
