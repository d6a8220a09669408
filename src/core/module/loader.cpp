// What the loader knows of its modules: directives, structs, slots.
#include "core/module/loader.h"

#include <algorithm>

namespace sluice::module {

using conf::Context;
using conf::KnownDirective;
using conf::KnownType;
using conf::Level;

namespace {

size_t family_index(Context context) {
    switch (conf::family_of(context)) {
        case Context::events: return static_cast<size_t>(Family::events);
        case Context::http: return static_cast<size_t>(Family::http);
        case Context::stream: return static_cast<size_t>(Family::stream);
        default: return static_cast<size_t>(Family::core);
    }
}

bool is_any_allowed(std::span<const KnownDirective> known, Context context) {
    return std::any_of(known.begin(), known.end(),
                       [&](const KnownDirective& one) { return one.row->where.has(context); });
}

}  // namespace

Loader::Loader(std::span<const Descriptor* const> built_in, Places places) : places_(std::move(places)) {
    for (const Descriptor* descriptor : built_in) add_types(*descriptor);
    for (const Descriptor* descriptor : built_in) {
        add_rows(*descriptor);
        order_.push_back(descriptor);
    }
    built_in_count_ = order_.size();
}

void Loader::add_types(const Descriptor& descriptor) {
    const auto family = static_cast<size_t>(descriptor.family);
    for (size_t level = 0; level < conf::kLevels; ++level) {
        const conf::ConfType& type = descriptor.conf_types[level];
        if (!type) continue;
        std::vector<KnownType>& types = types_[family][level];
        *type.slot() = {static_cast<uint32_t>(types.size()), static_cast<Level>(level)};
        places_of_types_[type.slot()] = {family, level, types.size()};
        types.push_back({&type, {}, descriptor.name});
    }
}

Result<void> Loader::check_rows(const Descriptor& descriptor) const {
    const auto declares = [&](const conf::Slot* slot) {
        return std::any_of(descriptor.conf_types.begin(), descriptor.conf_types.end(),
                           [&](const conf::ConfType& type) { return type && type.slot() == slot; });
    };
    for (const conf::Directive& row : descriptor.directives) {
        if (row.slot == nullptr || declares(row.slot()) || places_of_types_.contains(row.slot())) continue;
        return Error("module \"" + std::string(descriptor.name) + "\" has a directive \"" + std::string(row.name) +
                     "\" for a struct that no module declares");
    }
    return {};
}

void Loader::add_rows(const Descriptor& descriptor) {
    std::unordered_map<const conf::Slot*, std::vector<const conf::Directive*>> added;
    for (const conf::Directive& row : descriptor.directives) {
        if (!row.name.empty()) rows_[row.name].push_back({&row, descriptor.name});
        if (row.slot != nullptr) added[row.slot()].push_back(&row);
    }
    for (auto& [slot, rows] : added) {
        const TypePlace& place = places_of_types_[slot];
        KnownType& type = types_[place.family][place.level][place.index];
        std::vector<const conf::Directive*>& all = row_lists_.emplace_back(type.rows.begin(), type.rows.end());
        all.insert(all.end(), rows.begin(), rows.end());
        type.rows = all;
    }
}

Result<void> Loader::admit(const Descriptor& descriptor) {
    Result<void> checked = check_rows(descriptor);
    if (!checked) return checked;
    add_types(descriptor);
    add_rows(descriptor);
    const auto by_name = [](const Descriptor* a, const Descriptor* b) { return a->name < b->name; };
    const auto first = order_.begin() + static_cast<ptrdiff_t>(built_in_count_);
    order_.insert(std::upper_bound(first, order_.end(), &descriptor, by_name), &descriptor);
    return {};
}

std::span<const KnownType> Loader::types(Context family, Level level) const {
    return types_[family_index(family)][static_cast<size_t>(level)];
}

Result<std::span<const KnownDirective>> Loader::find(Text name, Context context) {
    using Found = std::span<const KnownDirective>;
    const auto known = [&]() -> Found {
        const auto found = rows_.find(name);
        return found != rows_.end() ? Found(found->second) : Found{};
    };
    if (is_any_allowed(known(), context) || !is_autoload_on_) return known();

    const Text family = family_name(static_cast<Family>(family_index(context)));
    for (const IndexedModule* module : index().with_directive(name)) {
        if (module->family != family) continue;
        Result<bool> loaded = load_indexed(*module);
        if (!loaded) return loaded.error();
        if (is_any_allowed(known(), context)) return known();
    }
    // Whoever has it elsewhere makes the difference between "unknown" and "not allowed here".
    for (const IndexedModule* module : index().with_directive(name)) {
        Result<bool> loaded = load_indexed(*module);
        if (!loaded) return loaded.error();
    }
    const auto with = index().with_directive(name);
    if (known().empty() && !with.empty()) return not_as_indexed(*with.front(), name);
    if (known().empty() && index_failure_ != nullptr) return *index_failure_;
    return known();
}

Error Loader::not_as_indexed(const IndexedModule& module, Text directive) const {
    return Error("module \"" + places_.modules + std::string(module.file) + "\" does not have the directive \"" +
                 std::string(directive) + "\" that the index says: it is corrupt, or -m writes the index anew");
}

bool Loader::knows(Text name) const {
    return rows_.contains(name) || !index().with_directive(name).empty();
}

/// Whoever is loaded has not what the index says of it.
const IndexedModule* Loader::find_unloaded(Text directive) const {
    const auto with = index().with_directive(directive);
    const auto found = std::find_if(
        with.begin(), with.end(), [&](const IndexedModule* module) { return find_module(module->name) == nullptr; });
    return found != with.end() ? *found : nullptr;
}

std::string Loader::advise(Text name, Context context) const {
    if (const IndexedModule* module = find_unloaded(name)) {
        return "it belongs to a module: load_module " + places_.modules + std::string(module->file) + ";";
    }
    Text near;
    size_t distance = name.size() < 5 ? 2 : name.size() < 9 ? 3 : 4;  // must be less than this
    const auto consider = [&](Text candidate) {
        const size_t found = text::edit_distance(name, candidate, distance);
        if (found > distance || (found == distance && (near.empty() || near <= candidate))) return;
        distance = found;
        near = candidate;
    };
    for (const auto& [candidate, rows] : rows_) {
        if (is_any_allowed(rows, context)) consider(candidate);
    }
    const Text family = family_name(static_cast<Family>(family_index(context)));
    for (const IndexedModule& module : index().modules()) {
        if (module.family != family || find_module(module.name) != nullptr) continue;
        for (Text candidate : module.directives) consider(candidate);
    }
    if (!near.empty()) return "did you mean \"" + std::string(near) + "\"?";
    if (!is_autoload_on_) return {};
    const std::string unindexed = find_unindexed();
    if (!unindexed.empty()) return "the index does not know " + unindexed + ": -m writes it anew";
    return index().modules().empty() ? "there are no modules in " + places_.modules : std::string{};
}

Text Loader::file_of(const Descriptor& descriptor) const {
    for (const Module& module : loaded_) {
        if (&module.object->descriptor() == &descriptor) return module.object->path();
    }
    return {};
}

}  // namespace sluice::module
