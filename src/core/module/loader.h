// Loader: the modules of one generation: those of the server itself, those that the configuration loads, and those it
// needs without saying so. Destroying it unmaps them, so it must outlive everything that they made.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"
#include "core/conf/environment.h"
#include "core/module/descriptor.h"
#include "core/module/index.h"
#include "core/module/shared_object.h"

namespace sluice::module {

class Loader final : public conf::Directives {
 public:
    struct Places {
        std::string modules;  ///< folder of the modules and their index, with trailing slash
        std::string prefix;   ///< base of relative paths in `load_module`, with trailing slash
    };

    /// `built_in`: the server's own modules, the same for each generation; their slots never change.
    Loader(std::span<const Descriptor* const> built_in, Places places);
    Loader(const Loader&) = delete;
    ~Loader() = default;

    Result<std::span<const conf::KnownDirective>> find(Text name, conf::Context context) override;
    bool knows(Text name) const override;
    std::string advise(Text name, conf::Context context) const override;
    std::span<const conf::KnownType> types(conf::Context family, conf::Level level) const override;
    std::span<const Descriptor* const> modules() const override { return order_; }
    Result<void> load(Text file) override;
    Result<bool> load_for_variable(Text name, conf::Context family) override;
    void set_autoload(bool on) override { is_autoload_on_ = on; }

    /// The file a module was loaded from; empty for the server's own.
    Text file_of(const Descriptor& descriptor) const;

    /// Loads every .so of the modules folder, in order of their names; for listings. What can't be loaded is left out
    /// and told in the result.
    std::vector<Error> load_folder();

 private:
    struct Module {
        std::unique_ptr<SharedObject> object;
        bool was_asked_for = false;  ///< by `load_module`
    };
    struct TypePlace {
        size_t family;
        size_t level;
        size_t index;
    };
    static constexpr size_t kFamilies = 4;

    Result<void> load_path(const std::string& path, bool is_asked_for);
    Result<bool> load_indexed(const IndexedModule& module);
    Result<void> admit(const Descriptor& descriptor);
    void add_types(const Descriptor& descriptor);
    Result<void> check_rows(const Descriptor& descriptor) const;
    void add_rows(const Descriptor& descriptor);
    const Descriptor* find_module(Text name) const;
    Module* find_loaded(Text name);
    std::string resolve(Text file) const;
    Error not_as_indexed(const IndexedModule& module, Text directive) const;
    const IndexedModule* find_unloaded(Text directive) const;
    /// A module in the folder that the index does not name; empty: there is none.
    std::string find_unindexed() const;
    const Index& index() const;

    Places places_;
    bool is_autoload_on_ = true;
    std::deque<Module> loaded_;
    std::vector<const Descriptor*> order_;
    size_t built_in_count_ = 0;
    std::unordered_map<Text, std::vector<conf::KnownDirective>> rows_;
    std::vector<conf::KnownType> types_[kFamilies][conf::kLevels];
    std::unordered_map<const conf::Slot*, TypePlace> places_of_types_;
    std::deque<std::vector<const conf::Directive*>> row_lists_;  ///< what KnownType::rows views
    mutable std::unique_ptr<Index> index_;                       ///< read when first needed
    mutable std::unique_ptr<Error> index_failure_;               ///< why it is empty; null: it could be read
};

/// Writes the index of a folder anew, in one step; the lines of the modules that could be mapped, `errors` tells of
/// the others.
Result<std::string> write_index(const std::string& folder, std::vector<Error>& errors);

}  // namespace sluice::module
