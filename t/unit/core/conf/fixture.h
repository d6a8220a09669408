// What the tests of core/conf share: a table of directives shaped like nginx's own, so that the vectors in
// t/data/conf hold for both, and a parser over it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/conf/parser.h"

namespace sluice::conf::test {

enum class Stop : uint8_t { abort, stop };
enum class Since : uint8_t { off, exact, before };
enum class Try : uint8_t { error, timeout, http_500, off };

struct Main {
    Setting<bool> daemon;
    Setting<Msec> timer_resolution;
    Setting<Stop> debug_points;
    Setting<int64_t> rlimit_nofile;
    Setting<Offset> rlimit_core;
    Setting<Sequence<Text>> env;
    int completed = 0;
    std::vector<std::string> notes;
};

struct Events {
    Setting<bool> multi_accept;
    Setting<Msec> accept_mutex_delay;
};

struct Server {
    Setting<bool> merge_slashes;
    Setting<Msec> header_timeout;
    std::vector<std::string> names;
};

struct Location {
    Setting<bool> sendfile;
    Setting<Text> root;
    Setting<uint32_t> requests;
    Setting<uint8_t> tiny;
    Setting<int32_t> level;
    Setting<Bytes> body_buffer;
    Setting<Msec> body_timeout;
    Setting<Seconds> freshness;
    Setting<BufferCount> buffers;
    Setting<Since> since;
    Setting<Flags<Try>> tries;
    Setting<Sequence<Text>> headers;
    Setting<Text> pass;      // reaches `if` blocks only
    Setting<Text> own;       // never inherited
    Setting<uint32_t> bare;  // written by an action, inherited all the same
    const Location* enclosing = nullptr;
    int completed = 0;
};

/// What the block directives write to, apart from what others inherit.
struct Tree {};

/// A block and the blocks in it.
struct Block {
    Scope scope;
    ConfSet main;
    ConfSet server;
    ConfSet location;
    std::vector<Block*> inner;
    std::string name;
};

/// Collects the entries of `types`.
struct Entries final : EntryHandler {
    std::vector<std::string> seen;
    Result<void> on_entry(Parser& parser, Arguments words) override;
};

/// The modules of the fixture: their rows, their structs.
class Table final : public Directives {
 public:
    Table();
    Result<std::span<const KnownDirective>> find(Text name, Context context) override;
    bool knows(Text name) const override;
    std::string advise(Text name, Context context) const override;
    std::span<const KnownType> types(Context family, Level level) const override;

    std::span<const module::Descriptor* const> modules() const override { return {}; }
    Result<void> load(Text) override { return {}; }
    Result<bool> load_for_variable(Text, Context) override { return false; }
    void set_autoload(bool) override {}

    void add(Text module, std::span<const Directive> rows);
    void add_type(Text module, Context family, Level level, const ConfType& type);

    void (*on_late)() = nullptr;  ///< run once by the complete hook of Main

 private:
    struct Family {
        std::vector<KnownType> types[kLevels];
    };
    std::map<Text, std::vector<KnownDirective>> rows_;
    std::map<Context, Family> families_;
    std::vector<std::unique_ptr<ConfType>> kept_;
    std::vector<std::unique_ptr<std::vector<const Directive*>>> lists_;
};

/// One reading of a configuration: everything it needs, and what came of it.
class Reading {
 public:
    Reading();
    ~Reading();

    /// Reads `text` as the file `path()`; the error's complete text, empty when there is none.
    std::string read(Text text);
    std::string read_option(Text text);
    /// A text with this reading's folder replaced by "D".
    std::string without_folder(std::string text) const;

    std::string path() const { return folder_ + "/nginx.conf"; }
    const std::string& folder() const { return folder_; }
    void write(const std::string& name, Text content) const;

    Arena arena;
    Table table;
    Environment environment;
    Parser parser;
    Block root;
    Block* http = nullptr;
    Block* events = nullptr;
    Entries types;

 private:
    std::string folder_;
};

/// The reading whose parser runs; block handlers find it here.
extern Reading* reading;

}  // namespace sluice::conf::test
