// LineParts: what a line of the error log is made of, for targets that show its parts apart (`error_log FILE json`).
// Who describes a case adds its fields by add_field() and add_quoted_field(): in the line they are text as ever.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/text.h"
#include "core/base/text_builder.h"

namespace sluice::log {

struct LineParts {
    struct Field {
        Text name;
        Text value;
    };

    int process = 0;
    int thread = 0;
    uint64_t connection = 0;  ///< 0: none
    Text message{};           ///< with reason and action, as written, control bytes among them
    std::array<Field, 8> fields{};
    size_t field_count = 0;

    /// Where the first field's separator begins in the line; fields that do not fit above are left out.
    size_t message_end = SIZE_MAX;

    /// Those of the line that this thread is writing at present; null between lines.
    static const LineParts* current();
};

/// While it lives, fields that this thread adds to a line belong to `parts`.
class PartsScope {
 public:
    explicit PartsScope(LineParts& parts);
    PartsScope(const PartsScope&) = delete;
    ~PartsScope();

 private:
    LineParts* before_;  ///< a target may have something to say itself
};

/// Notes the last field of a line: its separator begins at `begin`, and `value` is in the line.
void note_field(Text name, size_t begin, Text value);

/// Appends `, NAME: VALUE`; the value may consist of several parts.
template <class... Parts>
void add_field(TextBuilder& line, Text name, const Parts&... value) {
    const size_t begin = line.text().size();
    line.add(", ", name, ": ");
    const size_t value_begin = line.text().size();
    line.add(value...);
    note_field(name, begin, line.text().substr(value_begin));
}

/// Appends `, NAME: "VALUE"`.
template <class... Parts>
void add_quoted_field(TextBuilder& line, Text name, const Parts&... value) {
    const size_t begin = line.text().size();
    line.add(", ", name, ": \"");
    const size_t value_begin = line.text().size();
    line.add(value...);
    note_field(name, begin, line.text().substr(value_begin));
    line.add('"');
}

}  // namespace sluice::log
