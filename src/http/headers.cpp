// Headers: adding, finding and joining fields.
#include "http/headers.h"

#include <cstring>

namespace sluice::http {

namespace {

/// A header's name as a variable writes it: lower case, underscores for hyphens.
bool is_name(Text field, Text variable) {
    if (field.size() != variable.size()) return false;
    for (size_t i = 0; i < field.size(); ++i) {
        const char c = field[i] == '-' ? '_' : text::to_lower(field[i]);
        if (c != variable[i]) return false;
    }
    return true;
}

}  // namespace

Field& Headers::add(Arena& arena, const Field& parsed) {
    Field* field = arena.make<Field>(parsed);
    field->next = nullptr;
    (tail_ != nullptr ? tail_->next : head_) = field;
    tail_ = field;
    ++size_;
    const auto index = static_cast<size_t>(field->known);
    seen_[index / kWordBits] |= uint64_t{1} << (index % kWordBits);
    return *field;
}

Field& Headers::add(Arena& arena, Text name, Text value) {
    return add(arena,
               Field{.name = name, .value = value, .hash = header_name_hash(name), .known = find_known_header(name)});
}

Field& Headers::add(Arena& arena, KnownHeader known, Text value) {
    const Text name = name_of(known);
    return add(arena, Field{.name = name, .value = value, .hash = header_name_hash(name), .known = known});
}

Field* Headers::search(KnownHeader known) const {
    for (Field& field : *this)
        if (field.known == known) return &field;
    return nullptr;
}

Field* Headers::find(Text name) const {
    const uint32_t hash = header_name_hash(name);
    for (Field& field : *this)
        if (field.hash == hash && text::iequals(field.name, name)) return &field;
    return nullptr;
}

Text Headers::joined(Arena& arena, Text name, Text separator) const {
    const Field* first = find(name);
    if (first == nullptr) return {};
    size_t length = 0;
    for (const Field& field : *this)
        if (field.hash == first->hash && text::iequals(field.name, name))
            length += field.value.size() + separator.size();
    if (length == first->value.size() + separator.size()) return first->value;

    char* const begin = arena.make_bytes(length).data();
    char* at = begin;
    for (const Field& field : *this) {
        if (field.hash != first->hash || !text::iequals(field.name, name)) continue;
        if (at != begin)
            at = static_cast<char*>(std::memcpy(at, separator.data(), separator.size())) + separator.size();
        if (!field.value.empty()) std::memcpy(at, field.value.data(), field.value.size());
        at += field.value.size();
    }
    return {begin, static_cast<size_t>(at - begin)};
}

Text Headers::joined_of_variable(Arena& arena, Text suffix, Text separator) const {
    for (const Field& field : *this)
        if (is_name(field.name, suffix)) return joined(arena, field.name, separator);
    return {};
}

void Headers::take_out(Field& field) {
    field.name = {};
    field.known = KnownHeader::none;
    field.hash = 0;
    --size_;
}

void Headers::set(Arena& arena, KnownHeader known, Text value) {
    Field* first = find(known);
    if (first == nullptr) {
        add(arena, known, value);
        return;
    }
    first->value = value;
    for (Field* field = first->next; field != nullptr; field = field->next)
        if (field->known == known && !field->name.empty()) take_out(*field);
}

void Headers::remove(KnownHeader known) {
    while (Field* field = find(known)) take_out(*field);
}

void Headers::remove(Text name) {
    while (Field* field = find(name)) take_out(*field);
}

void Headers::clear() {
    *this = Headers{};
}

}  // namespace sluice::http
