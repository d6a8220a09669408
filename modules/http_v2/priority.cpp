// Priority: structured fields, as far as a reader needs who wants an integer and a boolean of them.
#include "priority.h"

#include <algorithm>

#include <sluice/http/fields/token.h>

namespace sluice::http2 {

namespace {

class FieldReader {
 public:
    explicit FieldReader(Text field) : rest_(field) {}

    bool is_at_end() const { return rest_.empty(); }
    void skip(Text bytes) { rest_.remove_prefix(std::min(rest_.find_first_not_of(bytes), rest_.size())); }
    bool take(char c) {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }

    /// RFC 8941 §3.1.2. Empty: there is none.
    Text key() {
        if (rest_.empty() || !(is_lower(rest_.front()) || rest_.front() == '*')) return {};
        return take_while(
            [](char c) { return is_lower(c) || text::is_digit(c) || c == '_' || c == '-' || c == '.' || c == '*'; });
    }
    /// §3.3, by its text; behind '='. Empty: there is none.
    Text item() {
        const Text begin = rest_;
        if (take('"')) {
            while (!rest_.empty() && rest_.front() != '"') rest_.remove_prefix(rest_.front() == '\\' ? escape() : 1);
            if (!take('"')) return {};
        } else if (take('(')) {
            if (!inner_list()) return {};
        } else if (take(':')) {
            take_while([](char c) { return c != ':'; });
            if (!take(':')) return {};
        } else {
            take_while([](char c) { return http::is_token_byte(c) || c == '?' || c == ':' || c == '/'; });
        }
        return begin.substr(0, begin.size() - rest_.size());
    }
    /// §3.1.2. False: they are none.
    bool parameters() {
        while (take(';')) {
            skip(" ");
            if (key().empty() || (take('=') && item().empty())) return false;
        }
        return true;
    }

 private:
    static constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
    size_t escape() const { return std::min<size_t>(rest_.size(), 2); }

    template <class IsGood>
    Text take_while(IsGood is_good) {
        size_t size = 0;
        while (size < rest_.size() && is_good(rest_[size])) ++size;
        const Text taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    /// Lists do not hold lists, so that item() calls itself once.
    bool inner_list() {
        for (;;) {
            skip(" ");
            if (take(')')) return true;
            if (rest_.starts_with('(') || item().empty() || !parameters()) return false;
        }
    }

    Text rest_;
};

void set(Text key, Text value, nghttp2_extpri& priority) {
    if (key == "u" && value.size() == 1 && value.front() >= '0' && value.front() <= '7')
        priority.urgency = static_cast<uint32_t>(value.front() - '0');
    if (key == "i" && (value == "?1" || value == "?0")) priority.inc = value == "?1" ? 1 : 0;
}

}  // namespace

bool read_priority(Text field, nghttp2_extpri& priority) {
    nghttp2_extpri result = priority;
    FieldReader reader(text::trim(field));
    while (!reader.is_at_end()) {
        const Text key = reader.key();
        if (key.empty()) return false;
        const Text value = reader.take('=') ? reader.item() : Text("?1");
        if (value.empty() || !reader.parameters()) return false;
        set(key, value, result);
        reader.skip(" \t");
        if (reader.is_at_end()) break;
        if (!reader.take(',')) return false;
        reader.skip(" \t");
        if (reader.is_at_end()) return false;
    }
    priority = result;
    return true;
}

}  // namespace sluice::http2
