// LocationTable: the locations of one level; finds the one for a URI by nginx's rules: exact, longest prefix, then
// the regexes in the order written unless the prefix was ^~.
#pragma once

#include <unordered_set>
#include <vector>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/base/text.h"

namespace sluice::http {

class Request;
struct Location;

class LocationTable {
 public:
    /// Takes a location in the order written; false when one of this kind and name is there already.
    bool add(Location& location);
    /// Sorts what find() needs; once, after the last add().
    void seal();

    struct Found {
        const Location* location = nullptr;  ///< null: none matched, the enclosing level stays
        bool is_exact = false;  ///< `=` matched, or the URI lacks just the final slash of one that redirects
        bool wants_slash = false;
    };
    /// The exact match or the longest prefix of this level only.
    Found find_prefix(Text uri) const;
    /// The regexes of this level in order; null when none matches. Captures go to the request. `failed`: a regex hit
    /// its limits.
    const Location* find_regex(Request& request, bool& failed) const;
    bool has_regexes() const { return !regexes_.empty(); }
    const std::vector<Location*>& all() const { return all_; }

 private:
    struct Node {
        Text name;  ///< whole prefix
        Location* exact = nullptr;
        Location* prefix = nullptr;
        int32_t parent = -1;  ///< nearest entry whose name is a proper prefix of this one
    };
    /// "/x" where "/x/" would be passed on: its client is sent to the name with the slash. Null when there is none
    /// among the nodes from `first`, the first one behind `uri`.
    const Location* find_slashed(size_t first, Text uri) const;

    std::vector<Location*> all_;
    std::unordered_set<Text> exact_names_;  ///< those taken so far
    std::unordered_set<Text> prefix_names_;
    std::vector<Node> nodes_;         ///< by name
    std::vector<Location*> regexes_;  ///< as written
};

/// Sets the location of `request` by its URI, nested levels included. False: the request was answered (a regex
/// failed: 500). A missing final slash is reported through `wants_slash`.
bool find_location(Request& request, bool& wants_slash);

}  // namespace sluice::http
