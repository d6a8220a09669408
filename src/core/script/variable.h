// VariableTable: the variables of one family (http, stream) in one generation. Names are looked up while the
// configuration is read; afterwards there are only indexes.
#pragma once

#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/base/text.h"

namespace sluice::script {

class Subject;

/// How a variable is evaluated. `datum` is what its definer registered; `suffix` what follows the name of a prefix
/// family.
struct Variable {
    using Get = Text (*)(Subject& subject, const void* datum, Text suffix);
    using Set = void (*)(Subject& subject, const void* datum, Text value);

    Text name;          ///< without `$`
    Get get = nullptr;  ///< null: only assigned values (`set`, captures)
    Set set = nullptr;  ///< called when the variable is assigned
    const void* datum = nullptr;
    bool is_prefix = false;  ///< "http_" stands for all $http_*
    bool is_cacheable = true;
    bool is_changeable = false;  ///< may be defined anew
};

class VariableTable {
 public:
    VariableTable() = default;
    VariableTable(const VariableTable&) = delete;

    /// Defines a variable; `the duplicate "x" variable` when it exists and may not change. Texts live as long as the
    /// generation.
    Result<void> define(const Variable& variable);
    /// As define(), for `set`, maps and named captures: a definition of the same kind may be repeated.
    Result<uint32_t> define_changeable(Arena& arena, Text name, const Variable& variable);
    /// The index of a use, in any case of letters. Whether the name is defined is known only after the whole file was
    /// read.
    uint32_t index(Arena& arena, Text name);
    /// After the configuration was read: binds every use to its definition. `unknown "x" variable` for one without;
    /// `load` is asked first and may define more (autoload).
    template <class Load>
    Result<void> bind(Load&& load) {
        for (size_t i = 0; i < uses_.size(); ++i) {
            if (bind_use(uses_[i]) || (load(uses_[i].name) && bind_use(uses_[i]))) continue;
            return Error(std::string("unknown \"") + std::string(uses_[i].name) + "\" variable");
        }
        return {};
    }

    size_t size() const { return uses_.size(); }
    const Variable& at(uint32_t index) const { return *uses_[index].definition; }
    Text suffix(uint32_t index) const { return uses_[index].suffix; }
    Text name(uint32_t index) const { return uses_[index].name; }
    /// The definition of a name, or null.
    const Variable* find(Text name) const;
    /// Marks a use as assigned by `set` or a capture, for which no definition is needed.
    void mark_assigned(uint32_t index) { uses_[index].is_assigned = true; }

 private:
    struct Use {
        Text name;  ///< lower case
        const Variable* definition = nullptr;
        Text suffix;
        bool is_assigned = false;
    };
    struct Hash {
        size_t operator()(Text key) const { return static_cast<size_t>(text::hash(key)); }
    };
    bool bind_use(Use& use);

    std::deque<Variable> definitions_;
    std::unordered_map<Text, Variable*, Hash> by_name_;
    std::vector<Variable*> prefixes_;
    std::vector<Use> uses_;
    std::unordered_map<Text, uint32_t, Hash> index_of_;
};

}  // namespace sluice::script
