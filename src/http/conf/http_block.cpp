// The `http` block: reads it, then inherits settings down the tree, asks the modules whether they are content, and
// builds what requests are looked up in.
#include <algorithm>
#include <cstring>

#include "core/log/error_log.h"
#include "http/conf/core_parsers.h"
#include "http/conf/http_conf.h"
#include "http/conf/location_table.h"
#include "http/module.h"
#include "http/modules.h"
#include "http/request.h"
#include "http/session_choice.h"
#include "http/worker.h"

namespace sluice::http {

conf::Slot HttpConf::slot;
conf::Slot ServerConf::slot;
conf::Slot LocationConf::slot;

HttpConf::HttpConf() = default;
HttpConf::~HttpConf() = default;

namespace {

using conf::Level;
using conf::Parser;

/// Settings of the `http` block itself at the two lower levels: what servers inherit from.
struct HttpBlock {
    HttpConf* http = nullptr;
    conf::ConfSet main_set;
    conf::ConfSet server_set;
    conf::ConfSet location_set;
};

Result<void> inherit_location(Parser& parser, const conf::ConfSet& outer, Location& location);

Result<void> inherit_inner(Parser& parser, Location& location) {
    if (location.core->locations != nullptr)
        for (Location* inner : location.core->locations->all())
            if (Result<void> done = inherit_location(parser, location.confs, *inner); !done) return done;
    for (Location* inner : location.core->unnamed)
        if (Result<void> done = inherit_location(parser, location.confs, *inner); !done) return done;
    return {};
}

Result<void> inherit_location(Parser& parser, const conf::ConfSet& outer, Location& location) {
    const bool is_unnamed = location.kind == Location::Kind::unnamed;
    if (Result<void> done = parser.inherit(Level::location, outer, location.confs, is_unnamed); !done) return done;
    location.redirects_to_slash = location.name.ends_with('/') && location.core->content_handler.value != nullptr;
    return inherit_inner(parser, location);
}

/// Where the `http` block has no `error_log` of its own, the main context's is in force.
void fall_back_to_main_log(Parser& parser, HttpBlock& block) {
    auto& error_log = static_cast<LocationConf*>(block.location_set.find(LocationConf::slot))->error_log;
    if (error_log.origin != conf::Origin::unset) return;
    error_log.value = parser.environment().main_error_log;
    error_log.origin = conf::Origin::initial;
}

Result<void> inherit_all(Parser& parser, HttpBlock& block) {
    for (const auto& [level, set] :
         {std::pair{Level::main, &block.main_set}, std::pair{Level::server, &block.server_set},
          std::pair{Level::location, &block.location_set}})
        if (Result<void> done = parser.settle(level, *set); !done) return done;
    fall_back_to_main_log(parser, block);
    for (const auto& server : block.http->servers) {
        if (Result<void> done = parser.inherit(Level::server, block.server_set, server->confs, false); !done)
            return done;
        if (Result<void> done = inherit_location(parser, block.location_set, server->root); !done) return done;
        for (Location* named : server->named_locations)
            if (Result<void> done = inherit_location(parser, server->root.confs, *named); !done) return done;
    }
    return parser.finish();
}

Text get_variable(script::Subject& subject, const void* datum, Text suffix) {
    const auto& variable = *static_cast<const Variable*>(datum);
    auto& request = static_cast<Request&>(subject);
    return variable.find != nullptr ? variable.find(request, suffix) : variable.get(request);
}

void set_variable(script::Subject& subject, const void* datum, Text value) {
    static_cast<const Variable*>(datum)->set(static_cast<Request&>(subject), value);
}

Result<void> define_variables(script::VariableTable& table, const Module& module) {
    for (const Variable& variable : module.variables) {
        const script::Variable made{.name = variable.name,
                                    .get = get_variable,
                                    .set = variable.set != nullptr ? set_variable : nullptr,
                                    .datum = &variable,
                                    .is_prefix = variable.find != nullptr,
                                    .is_cacheable = variable.cacheable,
                                    .is_changeable = variable.changeable};
        if (Result<void> defined = table.define(made); !defined) return defined;
    }
    return {};
}

/// An older module's own descriptor is shorter: what it does not know stays empty.
const Module* bring_to_size(Arena& arena, const module::Descriptor& descriptor) {
    static_assert(std::is_trivially_copyable_v<Module>);
    if (descriptor.specific_size >= sizeof(Module)) return static_cast<const Module*>(descriptor.specific);
    auto* const whole = arena.make<Module>();
    std::memcpy(static_cast<void*>(whole), descriptor.specific, descriptor.specific_size);
    return whole;
}

/// Modules that were loaded since the last call bring their variables.
Result<void> meet_modules(Parser& parser, HttpConf& http) {
    for (const module::Descriptor* descriptor : parser.environment().directives.modules()) {
        if (descriptor->family != module::Family::http) continue;
        const auto is_this = [&](const Module* known) { return known->name == descriptor->name; };
        if (std::any_of(http.modules.begin(), http.modules.end(), is_this)) continue;
        const Module* const module = bring_to_size(parser.arena(), *descriptor);
        http.modules.push_back(module);
        if (Result<void> defined = define_variables(http.variables, *module); !defined) return defined;
    }
    return {};
}

Result<void> bind_variables(Parser& parser, HttpConf& http) {
    Result<void> met;
    const auto load = [&](Text name) {
        Result<bool> loaded = parser.environment().directives.load_for_variable(name, conf::Context::http);
        met = loaded ? meet_modules(parser, http) : loaded.error();
        return met && *loaded;
    };
    const Result<void> bound = http.variables.bind(parser.arena(), load);
    if (!bound && http.variables.unknown_at().line != 0) parser.point_without_place(http.variables.unknown_at());
    return met ? bound : met;
}

void collect_hooks(HttpConf& http) {
    std::vector<PhaseHandler> handlers;
    std::vector<const Filter*> filters;
    for (const Module* module : http.modules) {
        handlers.insert(handlers.end(), module->phases.begin(), module->phases.end());
        for (const Filter& filter : module->filters) filters.push_back(&filter);
        if (module->security != nullptr) http.security = module->security;
        if (module->state) module->state.slot()->index = static_cast<uint32_t>(http.state_count++);
    }
    http.phases.build(handlers);
    http.filters.build(filters);
}

Result<void> ask_modules(Parser& parser, HttpConf& http) {
    for (const Module* module : http.modules) {
        if (module->configured == nullptr) continue;
        if (Result<void> done = module->configured(parser, http); !done) return done;
    }
    return {};
}

Result<void> parse_http(Parser& parser, HttpBlock& block, conf::Arguments) {
    if (block.http != nullptr) return Error("\"http\" directive is duplicate");
    conf::Scope inner;
    inner.context = conf::Context::http;
    inner.enclosing = &parser.scope();
    inner.sets[static_cast<size_t>(Level::main)] = &block.main_set;
    inner.sets[static_cast<size_t>(Level::server)] = &block.server_set;
    inner.sets[static_cast<size_t>(Level::location)] = &block.location_set;
    auto& http = parser.conf<HttpConf>(inner);
    block.http = &http;
    inner.variables = &http.variables;
    http.main_confs = &block.main_set;
    http.prefix = parser.environment().prefix;
    if (Result<void> met = meet_modules(parser, http); !met) return met;
    if (Result<void> read = parser.parse_block(inner); !read) return read;
    if (Result<void> met = meet_modules(parser, http); !met) return met;
    if (Result<void> bound = bind_variables(parser, http); !bound) return bound;
    if (Result<void> inherited = inherit_all(parser, block); !inherited) return inherited;
    if (Result<void> done = ask_modules(parser, http); !done) return done;
    if (Result<void> indexed = parse::index_server_names(parser, http); !indexed) return indexed;
    parse::share_endpoints(http);
    settle_sessions(http);
    collect_hooks(http);
    auto& service = *parser.arena().make<Service>(http);
    service.settle();
    parser.environment().services.push_back(&service);
    return {};
}

constexpr std::array kDirectives{
    conf::block<HttpBlock, parse_http>("http", {.where = conf::Context::main, .help = "settings of the HTTP server"}),
};

}  // namespace

constinit const module::Descriptor kHttpModule{.name = "http",
                                               .family = module::Family::core,
                                               .directives = kDirectives,
                                               .conf_types = {conf::conf_type<HttpBlock>(), {}, {}},
                                               .variable_count = 0,
                                               .variable = nullptr,
                                               .specific = nullptr};

}  // namespace sluice::http
