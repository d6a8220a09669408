// VariableTable: definitions and uses. A use is bound to its definition at the end, since modules may come late.
#include "core/script/variable.h"

#include <algorithm>

namespace sluice::script {

namespace {

const Variable kAssignedOnly{};

Text lower_copy(Arena& arena, Text name) {
    const std::span<char> lower = arena.make_bytes(name.size());
    std::transform(name.begin(), name.end(), lower.begin(), text::to_lower);
    return {lower.data(), lower.size()};
}

Error duplicate(Text name) {
    return Error(std::string("the duplicate \"") + std::string(name) + "\" variable");
}

}  // namespace

Result<void> VariableTable::define(const Variable& variable) {
    if (variable.is_prefix) {
        prefixes_.push_back(&definitions_.emplace_back(variable));
        return {};
    }
    const auto found = by_name_.find(variable.name);
    if (found != by_name_.end()) {
        if (!found->second->is_changeable) return duplicate(variable.name);
        // What the configuration defined (map, set) goes before a module's changeable variable of the same name.
        if (variable.is_changeable) return {};
        return duplicate(variable.name);
    }
    by_name_.emplace(variable.name, &definitions_.emplace_back(variable));
    return {};
}

Result<uint32_t> VariableTable::define_changeable(Arena& arena, Text name, const Variable& variable) {
    const uint32_t number = index(arena, name);
    const Text lower = uses_[number].name;
    const auto found = by_name_.find(lower);
    if (found != by_name_.end()) {
        Variable& existing = *found->second;
        if (!existing.is_changeable) return duplicate(name);
        if (variable.get != nullptr) {
            existing.get = variable.get;
            existing.datum = variable.datum;
            existing.is_cacheable = variable.is_cacheable;
        }
        return number;
    }
    Variable made = variable;
    made.name = lower;
    made.is_changeable = true;
    by_name_.emplace(lower, &definitions_.emplace_back(made));
    return number;
}

uint32_t VariableTable::index(Arena& arena, Text name) {
    const Text lower = lower_copy(arena, name);
    const auto found = index_of_.find(lower);
    if (found != index_of_.end()) return found->second;
    const auto number = static_cast<uint32_t>(uses_.size());
    uses_.push_back({.name = lower, .definition = nullptr, .suffix = {}});
    index_of_.emplace(lower, number);
    return number;
}

const Variable* VariableTable::find(Text name) const {
    const auto found = by_name_.find(name);
    return found != by_name_.end() ? found->second : nullptr;
}

bool VariableTable::bind_use(Use& use) {
    if (use.definition != nullptr) return true;
    use.definition = find(use.name);
    if (use.definition != nullptr) return true;
    const Variable* longest = nullptr;
    for (const Variable* prefix : prefixes_) {
        if (!use.name.starts_with(prefix->name)) continue;
        if (longest == nullptr || prefix->name.size() > longest->name.size()) longest = prefix;
    }
    if (longest != nullptr) {
        use.definition = longest;
        use.suffix = use.name.substr(longest->name.size());
        return true;
    }
    if (use.is_assigned) use.definition = &kAssignedOnly;
    return use.definition != nullptr;
}

}  // namespace sluice::script
