// The parts of the line that a thread is writing. A LogContext is handed nothing but the line, by an interface that
// modules implement: what it notes besides goes this way.
#include "core/log/line_parts.h"

#include <algorithm>
#include <utility>

namespace sluice::log {

namespace {

constinit thread_local LineParts* parts = nullptr;

}  // namespace

const LineParts* LineParts::current() {
    return parts;
}

PartsScope::PartsScope(LineParts& own) : before_(std::exchange(parts, &own)) {}

PartsScope::~PartsScope() {
    parts = before_;
}

void note_field(Text name, size_t begin, Text value) {
    if (parts == nullptr) return;
    parts->message_end = std::min(parts->message_end, begin);
    if (parts->field_count < parts->fields.size()) parts->fields[parts->field_count++] = {name, value};
}

}  // namespace sluice::log
