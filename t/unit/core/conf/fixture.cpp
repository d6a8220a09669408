// The fixture's directives, and how its blocks nest.
#include "fixture.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

namespace sluice::conf {

template <>
struct EnumNames<test::Stop> {
    static constexpr std::array<Text, 2> names{"abort", "stop"};
};
template <>
struct EnumNames<test::Since> {
    static constexpr std::array<Text, 3> names{"off", "exact", "before"};
};
template <>
struct EnumNames<test::Try> {
    static constexpr std::array<Text, 4> names{"error", "timeout", "http_500", "off"};
};

namespace test {

Reading* reading = nullptr;

namespace {

constexpr Contexts kHttp = Context::http;
constexpr Contexts kHttpServer = kHttp | Context::http_server;
constexpr Contexts kAnywhere = kHttpServer | Context::http_location;
constexpr Contexts kAnywhereIf = kAnywhere | Context::http_location_if;

Block* make_block(Parser& parser, Context context, Block& outer, Arguments words) {
    Block* block = parser.arena().make<Block>();
    block->scope.context = context;
    block->scope.sets[0] = outer.scope.sets[0];
    block->scope.sets[1] = outer.scope.sets[1];
    block->scope.sets[2] = &block->location;
    for (const Token& word : words) block->name.append(block->name.empty() ? "" : " ").append(word.text);
    outer.inner.push_back(block);
    return block;
}

Block* current = nullptr;

Result<void> read_in(Parser& parser, Block& block) {
    Block* const outer = std::exchange(current, &block);
    Result<void> done = parser.parse_block(block.scope);
    current = outer;
    return done;
}

Result<void> parse_events(Parser& parser, Main& main, Arguments) {
    if (reading->events != nullptr) return Error("\"events\" directive is duplicate");
    main.notes.push_back("events");
    reading->events = parser.arena().make<Block>();
    reading->events->scope = {Context::events, {&reading->events->main, nullptr, nullptr}};
    return read_in(parser, *reading->events);
}

Result<void> inherit_all(Parser& parser, Block& outer) {
    for (Block* block : outer.inner) {
        if (block->scope.context == Context::http_server) {
            Result<void> done = parser.inherit(Level::server, outer.server, block->server, false);
            if (!done) return done;
        }
        const bool is_unnamed = block->scope.context == Context::http_location_if;
        Result<void> done = parser.inherit(Level::location, outer.location, block->location, is_unnamed);
        if (done) done = inherit_all(parser, *block);
        if (!done) return done;
    }
    return {};
}

Result<void> parse_http(Parser& parser, Main& main, Arguments) {
    if (reading->http != nullptr) return Error("\"http\" directive is duplicate");
    main.notes.push_back("http");
    Block* http = reading->http = parser.arena().make<Block>();
    http->scope = {Context::http, {&http->main, &http->server, &http->location}};
    Result<void> done = read_in(parser, *http);
    if (done) done = parser.settle(Level::server, http->server);
    if (done) done = parser.settle(Level::location, http->location);
    return done ? inherit_all(parser, *http) : done;
}

Result<void> parse_server(Parser& parser, Tree&, Arguments words) {
    Block* block = make_block(parser, Context::http_server, *current, words);
    block->scope.sets[1] = &block->server;
    return read_in(parser, *block);
}

Result<void> parse_location(Parser& parser, Tree&, Arguments words) {
    return read_in(parser, *make_block(parser, Context::http_location, *current, words));
}

Result<void> parse_if(Parser& parser, Tree&, Arguments words) {
    return read_in(parser, *make_block(parser, Context::http_location_if, *current, words));
}

Result<void> parse_names(Parser&, Server& server, Arguments words) {
    for (const Token& word : words) server.names.emplace_back(word.text);
    return {};
}

Result<void> parse_types(Parser& parser, Location&, Arguments) {
    return parser.parse_entries(reading->types);
}

Result<void> parse_bare(Parser& parser, Location& location, Arguments words) {
    const auto number = text::parse_uint(words[0].text);
    parser.point_at(words[0]);
    parser.suggest("a number is wanted");
    if (!number) return Error("not a number", 22);
    location.bare.set(static_cast<uint32_t>(*number));
    return {};
}

Result<void> parse_root(Parser&, Setting<Text>& field, Arguments words) {
    field.set(words[0].text);
    return {};
}

Result<void> complete_main(Parser&, Main& main, const Main*) {
    ++main.completed;
    if (reading->table.on_late != nullptr) std::exchange(reading->table.on_late, nullptr)();
    return {};
}

Result<void> complete_location(Parser& parser, Location& location, const Location* enclosing) {
    ++location.completed;
    location.enclosing = enclosing;
    if (*location.tiny != 77) return {};
    parser.point_at(location.tiny);
    return Error("seventy-seven is not a good number");
}

constexpr std::array kCore{
    directive<&Main::daemon>("daemon", {.where = Context::main, .initial = "on"}),
    directive<&Main::timer_resolution>("timer_resolution", {.where = Context::main}),
    directive<&Main::debug_points>("debug_points", {.where = Context::main}),
    directive<&Main::rlimit_nofile>("worker_rlimit_nofile", {.where = Context::main}),
    directive<&Main::rlimit_core>("worker_rlimit_core", {.where = Context::main}),
    directive<&Main::env>("env", {.where = Context::main}),
    block<Main, parse_events>("events", {.where = Context::main}),
    block<Main, parse_http>("http", {.where = Context::main}),
};
constexpr std::array kEvents{
    directive<&Events::multi_accept>("multi_accept", {.where = Context::events, .initial = "off"}),
    directive<&Events::accept_mutex_delay>("accept_mutex_delay", {.where = Context::events, .initial = "500ms"}),
};
constexpr std::array kHttpRows{
    block<Tree, parse_server>("server", {.where = kHttp}),
    block<Tree, parse_location>("location",
                                {.where = Context::http_server | Context::http_location, .arity = {1, 2}}),
    block<Tree, parse_if>("if", {.where = Context::http_location, .arity = {1, Arity::kMany}}),
    block<Location, parse_types>("types", {.where = kAnywhere}),
    action<Server, parse_names>("server_name", {.where = Context::http_server, .arity = {1, Arity::kMany}}),
    directive<&Server::merge_slashes>("merge_slashes", {.where = kHttpServer, .initial = "on"}),
    directive<&Server::header_timeout>("client_header_timeout", {.where = kHttpServer, .initial = "60s"}),
    directive<&Location::sendfile>("sendfile", {.where = kAnywhereIf, .initial = "off"}),
    custom<&Location::root, parse_root>("root", {.where = kAnywhereIf, .initial = "html", .arity = {1, 1}}),
    directive<&Location::requests>("keepalive_requests", {.where = kAnywhere, .initial = "1000"}),
    directive<&Location::tiny>("tiny", {.where = kAnywhere, .initial = "3", .range = {1, 100}}),
    directive<&Location::level>("level", {.where = kAnywhere, .initial = "-5", .range = {-20, INT64_MAX}}),
    directive<&Location::body_buffer>("client_body_buffer_size", {.where = kAnywhere, .initial = "16k"}),
    directive<&Location::body_timeout>("client_body_timeout", {.where = kAnywhere, .initial = "60s"}),
    directive<&Location::freshness>("freshness", {.where = kAnywhere}),
    directive<&Location::buffers>("output_buffers", {.where = kAnywhere, .initial = "2 32k"}),
    directive<&Location::since>("if_modified_since", {.where = kAnywhere, .initial = "exact"}),
    directive<&Location::tries>("proxy_next_upstream", {.where = kAnywhere, .initial = "error timeout"}),
    directive<&Location::headers>("proxy_headers", {.where = kAnywhere}),
    directive<&Location::pass>(
        "pass", {.where = Context::http_location | Context::http_location_if, .inherit = Inherit::unnamed}),
    directive<&Location::own>("own", {.where = Context::http_location, .initial = "mine", .inherit = Inherit::never}),
    action<Location, parse_bare>("bare", {.where = kAnywhere, .arity = {1, 1}}),
    inherited<&Location::bare>(),
};

}  // namespace

Result<void> Entries::on_entry(Parser&, Arguments words) {
    std::string line;
    for (const Token& word : words) line.append(line.empty() ? "" : "|").append(word.text);
    seen.push_back(line);
    if (words[0].text == "bad") return Error("invalid entry");
    return {};
}

Table::Table() {
    add_type("core", Context::main, Level::main, conf_type<Main, complete_main>());
    add_type("events", Context::events, Level::main, conf_type<Events>());
    add_type("http", Context::http, Level::server, conf_type<Server>());
    add_type("http", Context::http, Level::location, conf_type<Location, complete_location>());
    add_type("http", Context::http, Level::location, conf_type<Tree>());
    add("core", kCore);
    add("events", kEvents);
    add("http", kHttpRows);
}

void Table::add_type(Text module, Context family, Level level, const ConfType& type) {
    std::vector<KnownType>& types = families_[family].types[static_cast<size_t>(level)];
    *type.slot() = {static_cast<uint32_t>(types.size()), level};
    types.push_back({&type, {}, module});
    ConfType* kept = new ConfType(type);
    types.back().type = kept;
    kept_.emplace_back(kept);
}

void Table::add(Text module, std::span<const Directive> rows) {
    for (const Directive& row : rows) {
        if (!row.name.empty()) rows_[row.name].push_back({&row, module});
        for (auto& [family, kept] : families_) {
            for (auto& level : kept.types) {
                for (KnownType& type : level) {
                    if (type.type->slot() != row.slot()) continue;
                    std::vector<const Directive*> list(type.rows.begin(), type.rows.end());
                    list.push_back(&row);
                    lists_.push_back(std::make_unique<std::vector<const Directive*>>(std::move(list)));
                    type.rows = *lists_.back();
                }
            }
        }
    }
}

Result<std::span<const KnownDirective>> Table::find(Text name, Context) {
    if (name == "broken_module_directive") return Error("dlopen() \"x.so\" failed (x.so: no such thing)");
    const auto found = rows_.find(name);
    if (found == rows_.end()) return std::span<const KnownDirective>{};
    return std::span<const KnownDirective>(found->second);
}

bool Table::knows(Text name) const {
    return rows_.contains(name);
}

std::string Table::advise(Text name, Context context) const {
    Text near;
    size_t distance = 3;
    for (const auto& [known, rows] : rows_) {
        const size_t found = text::edit_distance(name, known, distance);
        if (found >= distance || !rows[0].row->where.has(context)) continue;
        distance = found;
        near = known;
    }
    return near.empty() ? std::string{} : "did you mean \"" + std::string(near) + "\"?";
}

std::span<const KnownType> Table::types(Context family, Level level) const {
    const auto found = families_.find(family);
    if (found == families_.end()) return {};
    return found->second.types[static_cast<size_t>(level)];
}

namespace {

std::string make_folder() {
    char name[] = "/tmp/sluice-conf-test.XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    return name;
}

alignas(64) char no_files[64];
alignas(64) char no_zones[64];

}  // namespace

Reading::Reading()
    : environment{arena,
                  Log{},
                  table,
                  // Nothing here opens a log or a zone.
                  *reinterpret_cast<log::OpenFiles*>(no_files),
                  *reinterpret_cast<shm::Zones*>(no_zones),
                  {},
                  {}},
      parser(environment),
      folder_(make_folder()) {
    environment.prefix = environment.conf_prefix = arena.concat(folder_, "/");
    root.scope = {Context::main, {&root.main, nullptr, nullptr}};
    reading = this;
    current = &root;
}

Reading::~Reading() {
    std::error_code error;
    std::filesystem::remove_all(folder_, error);
    EXPECT_FALSE(error);
    reading = nullptr;
}

void Reading::write(const std::string& name, Text content) const {
    FILE* file = fopen((folder_ + "/" + name).c_str(), "w");
    ASSERT_NE(file, nullptr);
    fwrite(content.data(), 1, content.size(), file);
    fclose(file);
}

std::string Reading::without_folder(std::string text) const {
    for (size_t at = 0; (at = text.find(folder_, at)) != std::string::npos;) text.replace(at, folder_.size(), "D");
    return text;
}

std::string Reading::read(Text text) {
    write("nginx.conf", text);
    const std::string file = path();
    Result<void> done = parser.parse_file(arena.copy(file), root.scope);
    if (done && events != nullptr) done = parser.settle(Level::main, events->main);
    if (done) done = parser.settle(Level::main, root.main);
    if (done) done = parser.finish();
    return done ? std::string{} : done.error().text;
}

std::string Reading::read_option(Text text) {
    Result<void> done = parser.parse_command_line(text, root.scope);
    return done ? std::string{} : done.error().text;
}

}  // namespace test
}  // namespace sluice::conf
