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
    return content.substr(0, content.find('\n'));
}

/// A terminal gets no control bytes from us; a tab stays, so that the caret line lines up.
char printable(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f ? '?' : c;
}

std::string gutter(Text label) {
    std::string made(label.size() < kGutter ? kGutter - label.size() : 0, ' ');
    return made.append(label).append(" | ");
}

void add_source(std::string& out, const Diagnostic& diagnostic) {
    Text line = line_of(diagnostic.content, diagnostic.pointed.line);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    size_t caret = std::min<size_t>(diagnostic.pointed.column - 1, line.size());
    const size_t skipped = caret > kBeforeCaret ? caret - kBeforeCaret : 0;
    line = line.substr(skipped, kWidest);
    caret -= skipped;

    out.append("\n").append(gutter(std::to_string(diagnostic.pointed.line)));
    std::transform(line.begin(), line.end(), std::back_inserter(out), printable);
    out.append("\n").append(gutter({}));
    for (size_t i = 0; i < caret; ++i) out += line[i] == '\t' ? '\t' : ' ';
    out += '^';
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
