// VariableTable: the variables of one family (http, stream) in one generation. Names are looked up while the
// configuration is read; afterwards there are only indexes.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/base/text.h"
#include "core/conf/token.h"

namespace sluice::script {

class Subject;

/// How a variable is evaluated. Names are compared without regard to case, as in nginx.
struct Variable {
    /// The value, null Text if there is none. It lives as long as the subject's arena (or longer). `datum` is what
    /// the definer registered (or what `prepare` made of it); `suffix`, in lower case, is what follows the name of a
    /// prefix family.
    using Get = Text (*)(Subject& subject, const void* datum, Text suffix);
    /// Takes a value that the configuration assigns (`set $limit_rate 1k`).
    using Set = void (*)(Subject& subject, const void* datum, Text value);
    /// For prefix families: turns a suffix into the datum that Get receives, once for each use, when the table is
    /// bound: no request looks for a header by its name. `arena` lives as long as the use.
    using Prepare = const void* (*)(Arena& arena, const void* datum, Text suffix);

    Text name;          ///< without `$`, in lower case
    Get get = nullptr;  ///< null: only assigned values (`set`, captures)
    Set set = nullptr;  ///< called when the variable is assigned
    const void* datum = nullptr;
    bool is_prefix = false;  ///< "http_" stands for all $http_*
    bool is_cacheable = true;
    bool is_changeable = false;  ///< may be defined anew
    /// A prefix family that the name belongs to is asked instead of `get`: after `set $http_x …` elsewhere, $http_x
    /// is still the header where nothing was assigned.
    bool is_weak = false;
    Prepare prepare = nullptr;
};

class VariableTable {
 public:
    VariableTable() = default;
    VariableTable(const VariableTable&) = delete;

    /// A module's variable. `the duplicate "x" variable` when the name is defined and either side may not change; of
    /// two changeable ones the configuration's (map, set) stays. Texts live as long as the generation.
    Result<void> define(const Variable& variable);
    /// As define(), for what the configuration defines (`set`, maps, named captures): returns the index by which it
    /// is assigned. A changeable variable takes over a `get` that is given here, and keeps its `set`.
    Result<uint32_t> define_changeable(Arena& arena, Text name, const Variable& variable);
    /// The index of a use. Whether the name is defined is known only after the whole configuration was read; `at`
    /// tells then where the first use stands.
    uint32_t index(Arena& arena, Text name, const conf::Position& at = {});

    /// After the configuration was read: binds every use to its definition. `unknown "x" variable` for one without;
    /// `load(name)` is asked first and may define more (autoload); it returns false when it has nothing.
    template <class Load>
    Result<void> bind(Arena& arena, Load&& load) {
        // Loading may add uses and change definitions, so nothing is bound before all is there.
        for (uint32_t i = 0; i < uses_.size(); ++i) {
            if (find(uses_[i].name) != nullptr || (load(uses_[i].name) && find(uses_[i].name) != nullptr)) continue;
            unknown_at_ = uses_[i].at;
            return unknown(uses_[i].name);
        }
        bind_uses(arena);
        return {};
    }
    /// Where the variable stands that bind() complained about; line 0 when nobody said.
    const conf::Position& unknown_at() const { return unknown_at_; }

    /// What a request needs of a variable, by index. Only after bind().
    struct Binding {
        Variable::Get get = nullptr;
        const void* datum = nullptr;
        Text suffix;
        Variable::Set set = nullptr;
        const void* set_datum = nullptr;
        bool is_cacheable = true;
    };
    const Binding& at(uint32_t index) const { return bindings_[index]; }
    size_t size() const { return uses_.size(); }
    Text name(uint32_t index) const { return uses_[index].name; }

    /// The index of a name (lower case) that the configuration uses.
    std::optional<uint32_t> find_index(Text name) const;
    /// The definition of a name (lower case), or of the longest prefix family that it belongs to; null if there is
    /// none.
    const Variable* find(Text name) const { return find_definition(name); }

 private:
    struct Use {
        Text name;  ///< lower case
        conf::Position at;
    };
    struct Hash {
        size_t operator()(Text key) const { return static_cast<size_t>(text::hash(key)); }
    };
    struct Definition : Variable {
        const void* set_datum = nullptr;  ///< a map may take over get, and with it datum
    };
    Definition& add(const Variable& variable);
    const Definition* find_definition(Text name) const;
    void bind_uses(Arena& arena);
    static Error unknown(Text name);

    std::deque<Definition> definitions_;
    std::unordered_map<Text, Definition*, Hash> by_name_;
    std::vector<const Definition*> families_;
    std::vector<Use> uses_;
    std::vector<Binding> bindings_;
    std::unordered_map<Text, uint32_t, Hash> index_of_;
    conf::Position unknown_at_;
};

}  // namespace sluice::script
