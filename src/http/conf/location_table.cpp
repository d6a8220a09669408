// LocationTable: a sorted array of names. The longest prefix of a URI is the entry at or before it in order, or one
// of that entry's ancestors (the names that are prefixes of it), so one binary search and a short climb find it.
#include "http/conf/location_table.h"

#include <algorithm>

#include "http/conf/location_conf.h"
#include "http/conf/tree.h"
#include "http/request.h"

namespace sluice::http {

bool LocationTable::add(Location& location) {
    if (location.kind != Location::Kind::regex) {
        auto& names = location.kind == Location::Kind::exact ? exact_names_ : prefix_names_;
        if (!names.insert(location.name).second) return false;
    }
    all_.push_back(&location);
    return true;
}

void LocationTable::seal() {
    for (Location* location : all_) {
        switch (location->kind) {
            case Location::Kind::regex: regexes_.push_back(location); break;
            case Location::Kind::exact: nodes_.push_back({location->name, location, nullptr}); break;
            case Location::Kind::prefix:
            case Location::Kind::prefix_final: nodes_.push_back({location->name, nullptr, location}); break;
            case Location::Kind::named:
            case Location::Kind::unnamed:
            case Location::Kind::root: break;
        }
    }
    std::stable_sort(nodes_.begin(), nodes_.end(), [](const Node& a, const Node& b) { return a.name < b.name; });

    std::vector<Node> merged;
    for (const Node& node : nodes_) {
        if (!merged.empty() && merged.back().name == node.name) {
            if (node.exact != nullptr) merged.back().exact = node.exact;
            if (node.prefix != nullptr) merged.back().prefix = node.prefix;
            continue;
        }
        Node placed = node;
        placed.parent = static_cast<int32_t>(merged.size()) - 1;
        while (placed.parent >= 0 && !node.name.starts_with(merged[static_cast<size_t>(placed.parent)].name))
            placed.parent = merged[static_cast<size_t>(placed.parent)].parent;
        merged.push_back(placed);
    }
    nodes_ = std::move(merged);
}

LocationTable::Found LocationTable::find_prefix(Text uri) const {
    const auto after = std::upper_bound(nodes_.begin(), nodes_.end(), uri,
                                        [](Text value, const Node& node) { return value < node.name; });
    auto at = static_cast<int32_t>(after - nodes_.begin()) - 1;
    Found found;
    for (; at >= 0; at = nodes_[static_cast<size_t>(at)].parent) {
        const Node& node = nodes_[static_cast<size_t>(at)];
        if (!uri.starts_with(node.name)) continue;
        if (node.exact != nullptr && node.name.size() == uri.size()) return {node.exact, true, false};
        if (node.prefix != nullptr) {
            found.location = node.prefix;
            break;
        }
    }
    const bool is_named_so = found.location != nullptr && found.location->name.size() == uri.size();
    const bool is_extended = after != nodes_.end() && after->name.starts_with(uri);
    if (is_named_so || !is_extended) return found;
    const Location* slashed = find_slashed(static_cast<size_t>(after - nodes_.begin()), uri);
    return slashed != nullptr ? Found{slashed, false, true} : found;
}

const Location* LocationTable::find_slashed(size_t first, Text uri) const {
    // Others may stand in between: "/x-y/" is less than "/x/".
    const auto at = std::partition_point(
        nodes_.begin() + static_cast<std::ptrdiff_t>(first), nodes_.end(),
        [uri](const Node& node) { return node.name.starts_with(uri) && node.name[uri.size()] < '/'; });
    const bool is_there = at != nodes_.end() && at->name.size() == uri.size() + 1 && at->name.starts_with(uri) &&
                          at->name.back() == '/';
    if (!is_there) return nullptr;
    for (const Location* const location : {at->exact, at->prefix})
        if (location != nullptr && location->redirects_to_slash) return location;
    return nullptr;
}

const Location* LocationTable::find_regex(Request& request, bool& failed) const {
    for (const Location* location : regexes_) {
        switch (location->regex->match(request, request.uri)) {
            case script::Match::yes: return location;
            case script::Match::no: break;
            case script::Match::failed: failed = true; return nullptr;
        }
    }
    return nullptr;
}

namespace {

struct Search {
    Request& request;
    bool wants_slash = false;
    bool failed = false;

    /// Descends from `table`; true when the location is final and no regex of an outer level is tried.
    bool descend(const LocationTable* table) {
        if (table == nullptr) return false;
        const LocationTable::Found found = table->find_prefix(request.uri);
        if (found.location != nullptr) {
            request.use_location(*found.location);
            wants_slash = found.wants_slash;
            if (found.is_exact || found.wants_slash) return true;
            const LocationTable* inner = found.location->core->locations;
            if (descend(inner)) return true;
            if (found.location->kind == Location::Kind::prefix_final) return false;
        }
        return match_regexes(*table);
    }

    bool match_regexes(const LocationTable& table) {
        if (!table.has_regexes()) return false;
        const Location* location = table.find_regex(request, failed);
        if (failed) return true;
        if (location == nullptr) return false;
        request.use_location(*location);
        descend(location->core->locations);
        return true;
    }
};

}  // namespace

bool find_location(Request& request, bool& wants_slash) {
    Search search{request};
    search.descend(request.server().root.core->locations);
    if (search.failed) {
        request.finish(500);
        return false;
    }
    wants_slash = search.wants_slash;
    return true;
}

}  // namespace sluice::http
