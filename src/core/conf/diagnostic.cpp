// Rendering of configuration errors.
#include "core/conf/diagnostic.h"

#include <algorithm>
#include <cstring>

namespace sluice::conf {

namespace {

constexpr size_t kWidest = 120;      // bytes of a source line that are shown
constexpr size_t kBeforeCaret = 80;  // of them before the caret, when the line is cut
constexpr size_t kGutter = 5;

Text line_of(Text content, uint32_t line) {
    for (uint32_t i = 1; i < line; ++i) {
        const size_t end = content.find('\n');
        if (end == Text::npos) return {};
        content.remove_prefix(end + 1);
    }
    Text found = content.substr(0, content.find('\n'));
    while (!found.empty() && (found.back() == '\r' || found.back() == ' ' || found.back() == '\t')) {
        found.remove_suffix(1);
    }
    return found;
}

/// A terminal gets no control bytes from us; a tab stays, so that the caret line lines up.
char printable(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f ? '?' : c;
}

/// A further byte of a character of UTF-8: it takes no column, and no cut may be in front of it.
bool continues_character(char c) {
    return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

/// A place to cut the line at, here or a few bytes before.
size_t cut_at(Text line, size_t place) {
    for (size_t back = 0; back < 4 && place > back && place < line.size(); ++back)
        if (!continues_character(line[place - back])) return place - back;
    return std::min(place, line.size());
}

std::string gutter(Text label) {
    std::string made(label.size() < kGutter ? kGutter - label.size() : 0, ' ');
    return made.append(label).append(" | ");
}

/// One line of the file behind its number, from byte `skipped` on.
void add_line(std::string& out, Text line, uint32_t number, size_t skipped) {
    const Text shown = line.substr(0, cut_at(line, skipped + kWidest)).substr(std::min(skipped, line.size()));
    out.append("\n").append(gutter(std::to_string(number)));
    std::transform(shown.begin(), shown.end(), std::back_inserter(out), printable);
}

void add_source(std::string& out, const Diagnostic& diagnostic) {
    const Text line = line_of(diagnostic.content, diagnostic.pointed.line);
    const size_t caret = std::min<size_t>(diagnostic.pointed.column - 1, line.size());
    const size_t skipped = caret > kBeforeCaret ? cut_at(line, caret - kBeforeCaret) : 0;
    add_line(out, line, diagnostic.pointed.line, skipped);
    out.append("\n").append(gutter({}));
    for (size_t i = skipped; i < caret; ++i)
        if (!continues_character(line[i])) out += line[i] == '\t' ? '\t' : ' ';
    out += '^';

    // At the end of a file that is the empty line behind the last one.
    uint32_t told = diagnostic.told_line;
    while (told > diagnostic.pointed.line && line_of(diagnostic.content, told).empty()) --told;
    if (told > diagnostic.pointed.line) add_line(out, line_of(diagnostic.content, told), told, 0);
}

}  // namespace

std::string with_errno(Text text, int number) {
    std::string made(text);
    if (number == 0) return made;
    char room[256];
    const char* reason = strerror_r(number, room, sizeof room);
    return made.append(" (").append(std::to_string(number)).append(": ").append(reason).append(")");
}

std::string render(const Diagnostic& diagnostic) {
    std::string out = with_errno(diagnostic.message, diagnostic.number);
    out.append(diagnostic.place);
    if (diagnostic.pointed.line != 0 && !diagnostic.content.empty()) add_source(out, diagnostic);
    if (!diagnostic.advice.empty()) out.append("\n").append(kGutter + 3, ' ').append(diagnostic.advice);
    return out;
}

}  // namespace sluice::conf
