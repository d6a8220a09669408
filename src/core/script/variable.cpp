// VariableTable: definitions and uses. A use is bound to its definition at the end, since modules may come late.
#include "core/script/variable.h"

#include <algorithm>

namespace sluice::script {

namespace {

Text lower_copy(Arena& arena, Text name) {
    const std::span<char> lower = arena.make_bytes(name.size());
    std::transform(name.begin(), name.end(), lower.begin(), text::to_lower);
    return {lower.data(), lower.size()};
}

Error duplicate(Text name) {
    return Error(std::string("the duplicate \"").append(name).append("\" variable"));
}

}  // namespace

VariableTable::Definition& VariableTable::add(const Variable& variable) {
    Definition& made = definitions_.emplace_back();
    static_cast<Variable&>(made) = variable;
    made.set_datum = variable.datum;
    return made;
}

Result<void> VariableTable::define(const Variable& variable) {
    if (variable.is_prefix) {
        const auto same = [&](const Definition* family) { return family->name == variable.name; };
        if (std::any_of(families_.begin(), families_.end(), same)) return duplicate(variable.name);
        families_.push_back(&add(variable));
        return {};
    }
    const auto found = by_name_.find(variable.name);
    if (found == by_name_.end()) {
        by_name_.emplace(variable.name, &add(variable));
        return {};
    }
    Definition& existing = *found->second;
    if (!existing.is_changeable || !variable.is_changeable) return duplicate(variable.name);
    // `set $limit_rate` may stand before the module that reacts to it was loaded. A map goes before the module's get.
    if (existing.get == nullptr || existing.is_weak) {
        existing.get = variable.get;
        existing.datum = variable.datum;
        existing.is_cacheable = variable.is_cacheable;
        existing.is_weak = variable.is_weak;
    }
    if (existing.set == nullptr) {
        existing.set = variable.set;
        existing.set_datum = variable.datum;
    }
    return {};
}

Result<uint32_t> VariableTable::define_changeable(Arena& arena, Text name, const Variable& variable) {
    const uint32_t number = index(arena, name);
    const Text lower = uses_[number].name;
    const auto found = by_name_.find(lower);
    if (found == by_name_.end()) {
        Variable made = variable;
        made.name = lower;
        made.is_changeable = true;
        by_name_.emplace(lower, &add(made));
        return number;
    }
    Definition& existing = *found->second;
    if (!existing.is_changeable) return duplicate(name);
    if (!variable.is_weak) existing.is_weak = false;
    const bool takes_over = variable.get != nullptr && (!variable.is_weak || existing.get == nullptr);
    if (takes_over) {
        existing.get = variable.get;
        existing.datum = variable.datum;
        existing.is_cacheable = variable.is_cacheable;
    }
    return number;
}

uint32_t VariableTable::index(Arena& arena, Text name, const conf::Position& at) {
    const Text lower = lower_copy(arena, name);
    const auto found = index_of_.find(lower);
    if (found != index_of_.end()) {
        Use& use = uses_[found->second];
        if (use.at.line == 0) use.at = at;
        return found->second;
    }
    const auto number = static_cast<uint32_t>(uses_.size());
    uses_.push_back({.name = lower, .at = at});
    index_of_.emplace(lower, number);
    return number;
}

std::optional<uint32_t> VariableTable::find_index(Text name) const {
    const auto found = index_of_.find(name);
    return found != index_of_.end() ? std::optional(found->second) : std::nullopt;
}

const VariableTable::Definition* VariableTable::find_definition(Text name) const {
    const auto found = by_name_.find(name);
    if (found != by_name_.end() && !found->second->is_weak) return found->second;
    const Definition* longest = nullptr;
    for (const Definition* family : families_) {
        if (!name.starts_with(family->name)) continue;
        if (longest == nullptr || family->name.size() > longest->name.size()) longest = family;
    }
    if (longest != nullptr) return longest;
    return found != by_name_.end() ? found->second : nullptr;
}

void VariableTable::bind_uses(Arena& arena) {
    for (size_t i = bindings_.size(); i < uses_.size(); ++i) {
        const Text name = uses_[i].name;
        const Definition& definition = *find_definition(name);
        Binding& bound = bindings_.emplace_back(Binding{
            .get = definition.get,
            .datum = definition.datum,
            .suffix = definition.is_prefix ? name.substr(definition.name.size()) : Text{},
            .set = definition.set,
            .set_datum = definition.set_datum,
            .is_cacheable = definition.is_cacheable,
        });
        if (definition.prepare != nullptr) bound.datum = definition.prepare(arena, definition.datum, bound.suffix);
    }
}

Error VariableTable::unknown(Text name) {
    return Error(std::string("unknown \"").append(name).append("\" variable"));
}

}  // namespace sluice::script
