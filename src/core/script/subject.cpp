// Subject: the cache of variable values, and captures.
#include "core/script/subject.h"

#include <algorithm>

#include "core/script/variable.h"

namespace sluice::script {

Subject::Value* Subject::values() {
    if (values_ == nullptr) values_ = arena_.make_array<Value>(table_.size()).data();
    return values_;
}

Text Subject::variable(uint32_t index) {
    if (values_ != nullptr) {
        const Value& value = values_[index];
        if (value.known == static_cast<uint8_t>(Known::yes)) return {value.data, value.size};
    }
    return evaluate(index);
}

Text Subject::evaluate(uint32_t index) {
    const VariableTable::Binding& bound = table_.at(index);
    if (bound.get == nullptr) return {};
    Value& value = values()[index];
    const auto evaluating = static_cast<uint8_t>(Known::evaluating);
    if (value.known == evaluating || depth_ == kDeepest) {
        log_.error(0, "cycle while evaluating variable \"", table_.name(index), "\"");
        return {};
    }
    value.known = evaluating;
    ++depth_;
    const Text text = bound.get(*this, bound.datum, bound.suffix);
    --depth_;
    // Whoever stored a value meanwhile (a capture of a map's regex, say) goes before.
    if (value.known != evaluating) return text;
    if (bound.is_cacheable) {
        store(index, text);
    } else {
        value.known = static_cast<uint8_t>(Known::no);
    }
    return text;
}

Text Subject::variable_by_name(Text name) {
    const std::span<char> lower = arena_.make_bytes(name.size());
    std::transform(name.begin(), name.end(), lower.begin(), text::to_lower);
    const Text key{lower.data(), lower.size()};
    if (const auto index = table_.find_index(key)) return variable(*index);
    const Variable* found = table_.find(key);
    if (found == nullptr || found->get == nullptr || depth_ == kDeepest) return {};
    const Text suffix = found->is_prefix ? key.substr(found->name.size()) : Text{};
    const void* datum = found->prepare != nullptr ? found->prepare(arena_, found->datum, suffix) : found->datum;
    ++depth_;
    const Text text = found->get(*this, datum, suffix);
    --depth_;
    return text;
}

void Subject::assign(uint32_t index, Text value) {
    const VariableTable::Binding& bound = table_.at(index);
    if (bound.set != nullptr) return bound.set(*this, bound.set_datum, value);
    store(index, value);
}

void Subject::store(uint32_t index, Text value) {
    constexpr uint64_t kMostBytes = (uint64_t{1} << 56U) - 1;
    values()[index] = {value.data(), value.size() & kMostBytes, static_cast<uint8_t>(Known::yes)};
}

void Subject::set_captures(Text whole, std::span<const size_t> offsets) {
    const size_t count = std::min(offsets.size() / 2, kCaptures);
    if (captures_ == nullptr && count != 0) captures_ = arena_.make_array<Text>(kCaptures).data();
    for (size_t i = 0; i < count; ++i) {
        const size_t begin = offsets[i * 2];
        const size_t end = offsets[i * 2 + 1];
        captures_[i] = begin <= end && end <= whole.size() ? Text(whole.data() + begin, end - begin) : Text{};
    }
    capture_count_ = static_cast<uint8_t>(count);
}

}  // namespace sluice::script
