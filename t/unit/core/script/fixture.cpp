// The family: $number (cacheable), $fresh (not), $limit (with a setter), $absent, $empty, $tag_* with a prepared
// datum.
#include "core/script/fixture.h"

namespace sluice::script::test {

namespace {

Case& as_case(Subject& subject) {
    return static_cast<Case&>(subject);
}

Text get_number(Subject& subject, const void*, Text) {
    ++as_case(subject).asked;
    return as_case(subject).number;
}

Text get_absent(Subject& subject, const void*, Text) {
    ++as_case(subject).asked;
    return {};
}

Text get_constant(Subject&, const void* datum, Text) {
    return static_cast<const char*>(datum);
}

void set_limit(Subject& subject, const void* datum, Text value) {
    as_case(subject).assigned = std::string(static_cast<const char*>(datum)) + "=" + std::string(value);
}

const void* prepare_tag(Arena& arena, const void* datum, Text suffix) {
    return arena.copy_c_str(arena.concat("<", static_cast<const char*>(datum), suffix, ">"));
}

Text get_tag(Subject& subject, const void* datum, Text suffix) {
    return subject.arena().concat(static_cast<const char*>(datum), suffix);
}

const Variable kVariables[] = {
    {.name = "number", .get = get_number},
    {.name = "fresh", .get = get_number, .is_cacheable = false},
    {.name = "absent", .get = get_absent},
    {.name = "empty", .get = get_constant, .datum = ""},
    {.name = "limit",
     .get = get_number,
     .set = set_limit,
     .datum = "limit",
     .is_cacheable = false,
     .is_changeable = true},
    {.name = "tag_", .get = get_tag, .datum = "t:", .is_prefix = true, .prepare = prepare_tag},
    {.name = "tag_long_", .get = get_tag, .datum = "l:", .is_prefix = true, .prepare = prepare_tag},
};

}  // namespace

Fixture::Fixture() {
    for (const Variable& variable : kVariables) static_cast<void>(table.define(variable));
}

Complex Fixture::compile(Text source) {
    Result<Complex> compiled = Complex::compile(arena, table, source);
    return compiled ? *compiled : Complex(arena.copy("failed: " + compiled.error().text));
}

std::string Fixture::bind() {
    Result<void> bound = table.bind(arena, [](Text) { return false; });
    return bound ? "" : bound.error().text;
}

std::string show(Text value) {
    return is_found(value) ? std::string(value) : "(none)";
}

Text get_complex(Subject& subject, const void* datum, Text) {
    return static_cast<const Complex*>(datum)->evaluate(subject);
}

}  // namespace sluice::script::test
