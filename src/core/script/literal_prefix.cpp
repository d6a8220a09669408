// Reading the front of a pattern, and looking for alternatives in the rest.
#include "core/script/literal_prefix.h"

#include <algorithm>

namespace sluice::script {

namespace {

/// Position behind the class that begins at `at`; npos for one in an odd shape ([[:alpha:]], \Q inside).
size_t skip_class(Text pattern, size_t at) {
    ++at;
    if (at < pattern.size() && pattern[at] == '^') ++at;
    // A ] that comes first is a member.
    if (at < pattern.size() && pattern[at] == ']') ++at;
    while (at < pattern.size() && pattern[at] != ']') {
        if (pattern[at] == '[' || pattern.substr(at).starts_with("\\Q")) return Text::npos;
        at += pattern[at] == '\\' ? 2 : 1;
    }
    return at < pattern.size() ? at + 1 : Text::npos;
}

/// Groups that change how the pattern is read, as (?x) and (?#…) and (*VERB) do; `at` is their parenthesis.
bool is_odd_group(Text pattern, size_t at) {
    const Text behind = pattern.substr(at + 1);
    if (behind.starts_with("*")) return true;
    if (!behind.starts_with("?")) return false;
    constexpr Text kPlain = ":=!<|>";
    return behind.size() < 2 || (kPlain.find(behind[1]) == Text::npos && !behind.starts_with("?P<"));
}

/// Whether no `|` stands outside of groups and classes. False where that is not plain to see.
bool has_no_alternatives(Text pattern) {
    size_t depth = 0;
    for (size_t at = 0; at < pattern.size();) {
        const char c = pattern[at];
        if (c == '[') {
            at = skip_class(pattern, at);
            if (at == Text::npos) return false;
            continue;
        }
        if (c == '\\') {
            if (pattern.substr(at).starts_with("\\Q")) return false;
            at += 2;
            continue;
        }
        if (c == '(') {
            if (is_odd_group(pattern, at)) return false;
            ++depth;
        }
        if (c == ')' && depth != 0) --depth;
        if (c == '|' && depth == 0) return false;
        ++at;
    }
    return true;
}

bool is_special(char c) {
    return Text("^$.[]|()?*+{}\\").find(c) != Text::npos;
}

}  // namespace

Text literal_prefix(Arena& arena, Text pattern) {
    if (!pattern.starts_with("^") || !has_no_alternatives(pattern)) return {};
    const std::span<char> room = arena.make_bytes(pattern.size());
    size_t length = 0;
    size_t at = 1;
    while (at < pattern.size()) {
        if (pattern[at] == '\\') {
            // \d and the like are classes, \1 a reference; any other byte behind a backslash is itself.
            if (at + 1 == pattern.size() || text::is_alpha(pattern[at + 1]) || text::is_digit(pattern[at + 1])) break;
            ++at;
        } else if (is_special(pattern[at])) {
            break;
        }
        room[length++] = pattern[at++];
    }
    // What may be repeated zero times need not be there.
    if (length != 0 && at < pattern.size() && Text("?*{").find(pattern[at]) != Text::npos) --length;
    return {room.data(), length};
}

}  // namespace sluice::script
