// Parser: reads a configuration in nginx's grammar and hands each directive to its row. Rows call back into it for
// blocks, paths, warnings and the structs of the block they stand in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/conf/conf_type.h"
#include "core/conf/context.h"
#include "core/conf/directive.h"
#include "core/conf/environment.h"
#include "core/conf/setting.h"
#include "core/conf/token.h"

namespace sluice::script {
class VariableTable;
}

namespace sluice::conf {

/// The structs of one level of one block, by slot. Objects are made when first asked for, so that a module loaded in
/// the middle of a file finds its place, and a block that says nothing about a module costs nothing.
class ConfSet {
 public:
    /// The object, or null when nobody asked for it yet.
    void* find(const Slot& slot) const { return slot.index < objects_.size() ? objects_[slot.index] : nullptr; }
    void put(const Slot& slot, void* object) {
        if (slot.index >= objects_.size()) objects_.resize(slot.index + 1);
        objects_[slot.index] = object;
    }
    size_t size() const { return objects_.size(); }

    /// The kind of block whose set this is; the first block that is read into it decides. Parser::parse_block and
    /// parse_file see to it; whoever makes a set for a block that is never read says it here.
    void belong_to(Context block) {
        if (!block_) block_ = block;
    }
    std::optional<Context> block() const { return block_; }

    /// The objects by slot, for a view that is looked up in at run time; valid while nothing is put.
    void* const* table() const { return objects_.data(); }

    /// A row without a field of its own (action, block) wrote to the object, which therefore can't be shared with
    /// inner blocks.
    void mark_acted_on(const Slot& slot) {
        if (slot.index >= acted_on_.size()) acted_on_.resize(slot.index + 1);
        acted_on_[slot.index] = true;
    }
    bool is_acted_on(const Slot& slot) const { return slot.index < acted_on_.size() && acted_on_[slot.index]; }

 private:
    std::vector<void*> objects_;
    std::vector<bool> acted_on_;
    std::optional<Context> block_;
};

/// A block being read: its context and the sets that its directives write to, by level. Outer levels are shared with
/// the enclosing block (in a location, `server` is the set of its server).
struct Scope {
    Context context = Context::main;
    ConfSet* sets[kLevels] = {};
    script::VariableTable* variables = nullptr;  ///< where values with variables look names up
    Scope* enclosing = nullptr;
};

/// What receives the entries of a block that has no directives: types, map, geo, split_clients.
class EntryHandler {
 public:
    /// One entry: all its words, the first included. Positions serve for errors. `include FILE;` never gets here.
    virtual Result<void> on_entry(Parser& parser, Arguments words) = 0;

 protected:
    ~EntryHandler() = default;
};

class Parser {
 public:
    /// How deep files may include each other.
    static constexpr uint32_t kDeepestInclude = 64;

    explicit Parser(Environment& environment) : environment_(environment) {}
    Parser(const Parser&) = delete;

    /// Reads `path` into `scope`. The error's text is the complete message with " in FILE:LINE", the source line, the
    /// caret and a suggestion, ready to be printed behind "[emerg] ".
    Result<void> parse_file(Text path, Scope& scope);
    /// Reads `text` as the `-g` option does: "unexpected end of parameter, expecting \";\"" and " in command line".
    Result<void> parse_command_line(Text text, Scope& scope);

    /// Reads directives up to the closing brace of the block that the current directive opened.
    Result<void> parse_block(Scope& inner);
    /// Reads entries up to the closing brace; `include` inside works as in nginx.
    Result<void> parse_entries(EntryHandler& handler);
    /// Reads what an `include` of `pattern` names into the block being read: one file, or all that a pattern with
    /// wildcards matches, in order of their names. Relative ones start from the main configuration's folder.
    Result<void> include(const Token& pattern);

    Environment& environment() { return environment_; }
    Arena& arena() { return environment_.arena; }
    const Log& log() const { return environment_.log; }
    /// The block being read; only while a directive runs.
    Scope& scope() { return *scope_; }
    /// Name and position of the directive being read. Words handed to a row live as long as its call; their texts as
    /// long as the generation.
    const Token& directive() const { return *directive_; }

    /// What is being read is the default of a directive that nobody wrote.
    bool is_reading_default() const { return directive_->at.line == 0; }

    /// The struct T of the block being read (or of `scope`), made now if need be. It may be written to, and so is no
    /// longer shared with inner blocks that say nothing about its module.
    template <class T>
    T& conf() {
        return *static_cast<T*>(object(slot_of<T>(), *scope_));
    }
    template <class T>
    T& conf(Scope& scope) {
        return *static_cast<T*>(object(slot_of<T>(), scope));
    }
    void* object(const Slot& slot, Scope& scope);
    /// As conf(), for reading only: null when no directive of its module was met in the block so far.
    template <class T>
    const T* peek() const {
        const Slot& slot = slot_of<T>();
        const ConfSet* set = scope_->sets[static_cast<size_t>(slot.level)];
        return set != nullptr ? static_cast<const T*>(set->find(slot)) : nullptr;
    }

    /// The caret of an error returned next stands under `word` instead of under the directive's name.
    void point_at(const Token& word) { pointed_ = word.at; }
    void point_at(const Position& place) { pointed_ = place; }
    /// As point_at(), for an error of a directive that was read before: its line is named, too.
    void point_at(const Place& place) {
        pointed_ = place.at;
        told_ = place;
    }
    /// The caret moves to the directive that wrote `setting`, unless it was inherited or nobody wrote it: for
    /// `complete` hooks, which find that settings contradict each other.
    template <class T>
    void point_at(const Setting<T>& setting) {
        point_at_writer(setting.origin);
    }
    /// The place of a word of the directive being read.
    Place place_of(const Token& word) const;
    /// As point_at(), for what nginx finds only when all is read: its message has no " in FILE:LINE".
    void point_without_place(const Position& place) {
        pointed_ = place;
        hides_place_ = true;
    }
    template <class T>
    void point_without_place(const Setting<T>& setting) {
        point_at_writer(setting.origin);
        hides_place_ = true;
    }
    /// Adds "did you mean …"-like advice to the error returned next.
    void suggest(Text advice) { advice_ = advice; }
    /// Logs "[warn] TEXT in FILE:LINE" for the place that is being read.
    void warn(Text text);
    /// The complete text of `error` for the place that is being read: for errors that are found outside of a row's
    /// call. A row just returns its error. An error that is complete already passes unchanged.
    Error complete(const Error& error);

    /// `path` made absolute against the prefix, or against the folder of the main configuration file.
    Text full_path(Text path);
    Text full_conf_path(Text path);

    /// Inner takes over from outer, for all objects of one level; missing objects of inner become outer's where
    /// nothing in them could differ. Then each new object's `complete` hook runs. `is_unnamed`: an `if` or
    /// `limit_except` block. Blocks outside come first. Both sets must live until finish().
    Result<void> inherit(Level level, const ConfSet& outer, ConfSet& inner, bool is_unnamed);
    /// The outermost set of a level, which has nobody to inherit from: makes every object, gives the fields that
    /// nobody wrote their defaults, and runs the `complete` hooks.
    Result<void> settle(Level level, ConfSet& outermost);
    /// After the last inherit(): does the same for modules that were loaded since then.
    Result<void> finish();

    /// A file that was read, for -T. Each path once.
    struct Dump {
        Text path;
        Text content;
    };
    const std::vector<Dump>& dumps() const { return files_; }

 private:
    struct Source;
    enum class Unit : uint8_t { file, block, option };
    /// One call of inherit() or settle(), and how many types it has seen.
    struct Inheritance {
        Level level;
        bool is_unnamed;
        const ConfSet* outer;
        ConfSet* inner;
        size_t types_seen = 0;
        /// Objects that contradict themselves, which the blocks inside may put right; and what the caret points at.
        std::vector<std::pair<const void*, Position>> blamed;
    };

    Result<void> read(Unit unit);
    Result<void> read_file(Text path);
    Result<Text> load(Text path);
    Result<void> statement(Arguments words, bool opens_block);
    Result<void> dispatch(Arguments words, bool opens_block);
    Result<void> check_shape(const Directive& row, Arguments words, bool opens_block);
    Result<void> run(const Directive& row, Arguments words);
    Result<void> entry(Arguments words, bool opens_block);

    void* find_or_make(const Slot& slot, Scope& scope);
    bool is_complete(const Error& error) const;
    void point_at_writer(const Origin& origin);
    void forget_place();
    Position told_line() const;
    Text told_place() const;
    Error fail_in_lexer(Error error, Arguments words);
    Error not_allowed(const Token& name, std::span<const KnownDirective> known);
    Error unknown(const Token& name);
    void advise_missing_semicolon(Arguments words);
    void advise_unclosed_block();
    Text content_of(Text file) const;

    Result<void> catch_up(Inheritance& done);
    Result<void> inherit_one(const KnownType& known, Inheritance& how);
    static bool is_judged_inside(const Inheritance& how);
    Position blamed_outside(const Inheritance& how, const void* outer) const;
    Result<void> apply_initial(const KnownType& known, const Directive& row, void* object);

    Environment& environment_;
    Scope* scope_ = nullptr;
    const Token* directive_ = nullptr;
    EntryHandler* handler_ = nullptr;
    Source* source_ = nullptr;
    Position pointed_;
    std::optional<Place> told_;  ///< what a message names instead of the line being read
    bool hides_place_ = false;
    Text advice_;
    std::string complete_text_;  ///< the error that is being passed up, already complete
    std::vector<Dump> files_;
    std::vector<Inheritance> inheritances_;
    /// Where each setting was written, by its `origin`; only errors look here.
    std::vector<std::pair<const Origin*, Position>> written_;
};

}  // namespace sluice::conf
