// Subject: the cache of variable values, and captures.
#include "core/script/subject.h"

#include "core/script/variable.h"

namespace sluice::script {

Subject::Value* Subject::values() {
    if (values_ == nullptr) values_ = arena_.make_array<Value>(table_.size()).data();
    return values_;
}

Text Subject::variable(uint32_t index) {
    Value& value = values()[index];
    switch (value.known) {
        case Known::cached:
        case Known::assigned: return value.text;
        case Known::evaluating:
            log_.error(0, "cycle while evaluating variable \"", table_.name(index), "\"");
            return {};
        case Known::no: break;
    }
    const Variable& variable = table_.at(index);
    if (variable.get == nullptr) return {};
    value.known = Known::evaluating;
    const Text text = variable.get(*this, variable.datum, table_.suffix(index));
    if (value.known == Known::evaluating) {
        value.known = variable.is_cacheable ? Known::cached : Known::no;
        value.text = text;
    }
    return text;
}

void Subject::assign(uint32_t index, Text value) {
    const Variable& variable = table_.at(index);
    if (variable.set != nullptr) variable.set(*this, variable.datum, value);
    values()[index] = {value, variable.set != nullptr && variable.get != nullptr ? Known::no : Known::assigned};
}

void Subject::forget_variables() {
    if (values_ == nullptr) return;
    for (size_t i = 0; i < table_.size(); ++i)
        if (values_[i].known == Known::cached) values_[i].known = Known::no;
}

Text Subject::capture(size_t group) const {
    if (group * 2 + 1 >= offsets_.size()) return {};
    const size_t begin = offsets_[group * 2];
    const size_t end = offsets_[group * 2 + 1];
    if (begin > end || end > captured_.size()) return {};
    return {captured_.data() + begin, end - begin};
}

void Subject::set_captures(Text subject, std::span<const size_t> offsets) {
    const std::span<size_t> kept = arena_.make_array<size_t>(offsets.size());
    std::copy(offsets.begin(), offsets.end(), kept.begin());
    captured_ = subject;
    offsets_ = kept;
}

}  // namespace sluice::script
