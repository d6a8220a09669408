// Parser: reads a configuration in nginx's grammar and hands each directive to its row. Rows call back into it for
// blocks, paths, warnings and the structs of the block they stand in.
#pragma once

#include <memory>
#include <vector>

#include "core/base/result.h"
#include "core/conf/conf_type.h"
#include "core/conf/context.h"
#include "core/conf/directive.h"
#include "core/conf/environment.h"
#include "core/conf/token.h"

namespace sluice::conf {

/// The structs of one level of one block, by slot. Objects are made when first asked for, so that a module loaded in
/// the middle of a file finds its place, and a block that says nothing about a module costs nothing.
class ConfSet {
 public:
    /// The object, or null when nobody asked for it yet.
    void* find(const Slot& slot) const { return slot.index < objects_.size() ? objects_[slot.index] : nullptr; }
    void put(const Slot& slot, void* object);
    size_t size() const { return objects_.size(); }

 private:
    std::vector<void*> objects_;
};

/// A block being read: its context and the sets that its directives write to, by level. Outer levels are shared with
/// the enclosing block (in a location, `server` is the set of its server).
struct Scope {
    Context context = Context::main;
    ConfSet* sets[kLevels] = {};
    Scope* enclosing = nullptr;
};

/// What receives the entries of a block that has no directives: types, map, geo, split_clients.
class EntryHandler {
 public:
    /// One entry: all its words, the first included. Positions serve for errors.
    virtual Result<void> on_entry(Parser& parser, Arguments words) = 0;

 protected:
    ~EntryHandler() = default;
};

class Parser {
 public:
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

    Environment& environment() { return environment_; }
    Arena& arena() { return environment_.arena; }
    const Log& log() const { return environment_.log; }
    Scope& scope() { return *scope_; }
    /// Name and position of the directive being read.
    const Token& directive() const { return *directive_; }

    /// The struct T of the block being read (or of `scope`), made now if need be.
    template <class T>
    T& conf() {
        return *static_cast<T*>(object(slot_of<T>(), *scope_));
    }
    template <class T>
    T& conf(Scope& scope) {
        return *static_cast<T*>(object(slot_of<T>(), scope));
    }
    void* object(const Slot& slot, Scope& scope);

    /// The caret of an error returned next stands under `word` instead of under the directive's name.
    void point_at(const Token& word) { pointed_ = word.at; }
    /// Adds "did you mean …"-like advice to the error returned next.
    void suggest(Text advice);
    /// Logs "[warn] TEXT in FILE:LINE" for the place of the current directive.
    void warn(Text text);

    /// `path` made absolute against the prefix, or against the folder of the main configuration file.
    Text full_path(Text path);
    Text full_conf_path(Text path);

    /// Inner takes over from outer, for all objects of one level; missing objects of inner become outer's where
    /// nothing in them could differ. Then each new object's `complete` hook runs. `is_unnamed`: an `if` or
    /// `limit_except` block.
    Result<void> inherit(Level level, const ConfSet& outer, ConfSet& inner, bool is_unnamed);

    /// A file that was read, for -T.
    struct Dump {
        Text path;
        Text content;
    };
    const std::vector<Dump>& dumps() const { return dumps_; }

 private:
    struct Source;

    Environment& environment_;
    Scope* scope_ = nullptr;
    const Token* directive_ = nullptr;
    Source* source_ = nullptr;
    Position pointed_;
    Text advice_;
    std::vector<Dump> dumps_;
};

}  // namespace sluice::conf
