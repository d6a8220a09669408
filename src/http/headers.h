// Headers: the fields of a message in the order they came. Known names are found by number; asking for one that is
// absent costs a bit test.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/arena.h"
#include "core/base/text.h"
#include "http/fields/known_header.h"

namespace sluice::http {

/// One field line. Texts live in the request's arena (or longer). An empty name marks a field that was taken out.
struct Field {
    Text name;
    Text value;
    uint32_t hash = 0;
    KnownHeader known = KnownHeader::none;
    /// It came as one that no table may hold, and must go on so by HTTP/2 (RFC 7541 §6.2.3, §7.1.3).
    bool is_never_indexed = false;
    Field* next = nullptr;
};

class Headers {
 public:
    class Iterator {
     public:
        explicit Iterator(Field* field) : field_(field) { skip(); }
        Field& operator*() const { return *field_; }
        Field* operator->() const { return field_; }
        Iterator& operator++() {
            field_ = field_->next;
            skip();
            return *this;
        }
        bool operator==(const Iterator&) const = default;

     private:
        void skip() {
            while (field_ != nullptr && field_->name.empty()) field_ = field_->next;
        }
        Field* field_;
    };

    /// Appends a field. The texts are not copied.
    Field& add(Arena& arena, Text name, Text value);
    Field& add(Arena& arena, KnownHeader known, Text value);
    /// Appends a field whose name was looked up by the parser.
    Field& add(Arena& arena, const Field& parsed);

    /// The first field of a known name, or null.
    Field* find(KnownHeader known) const { return may_have(known) ? search(known) : nullptr; }
    /// The first field of any name, in any case, or null.
    Field* find(Text name) const;
    /// The first field's value; null Text when there is none.
    Text value(KnownHeader known) const {
        const Field* field = find(known);
        return field != nullptr ? field->value : Text{};
    }
    /// All values of a name joined with `separator` (RFC 9110 §5.3); null Text when there is none.
    Text joined(Arena& arena, Text name, Text separator) const;
    /// The same for a name as variables have it: in lower case, an underscore for each hyphen ($http_x_own).
    Text joined_of_variable(Arena& arena, Text suffix, Text separator) const;

    /// Replaces the first field of the name and takes out the others; appends when there is none.
    void set(Arena& arena, KnownHeader known, Text value);
    void remove(KnownHeader known);
    void remove(Text name);
    void clear();

    /// Fields that are there.
    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    Iterator begin() const { return Iterator(head_); }
    Iterator end() const { return Iterator(nullptr); }

 private:
    static constexpr size_t kWordBits = 64;
    static constexpr size_t kWords = (kKnownHeaderCount + kWordBits - 1) / kWordBits;

    bool may_have(KnownHeader known) const {
        const auto index = static_cast<size_t>(known);
        return (seen_[index / kWordBits] >> (index % kWordBits) & 1U) != 0;
    }
    Field* search(KnownHeader known) const;
    void take_out(Field& field);

    Field* head_ = nullptr;
    Field* tail_ = nullptr;
    size_t size_ = 0;
    std::array<uint64_t, kWords> seen_{};  ///< a bit per known name that was ever added
};

}  // namespace sluice::http
