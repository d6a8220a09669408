// The blocks: server, location, limit_except. Each makes its node of the tree, reads its directives into fresh sets
// and leaves inheritance to the end of `http`, when all modules are known.
#include <string>

#include "http/conf/core_parsers.h"
#include "http/conf/location_table.h"
#include "http/fields/method.h"

namespace sluice::http::parse {

namespace {

/// Reads the block of `location` with the sets of the enclosing scope, its own at level location.
Result<void> read_location(Parser& parser, Location& location, conf::Context context) {
    conf::Scope inner = parser.scope();
    inner.context = context;
    inner.enclosing = &parser.scope();
    inner.sets[static_cast<size_t>(conf::Level::location)] = &location.confs;
    auto& core = parser.conf<LocationConf>(inner);
    core.location = &location;
    core.is_unnamed = location.kind == Location::Kind::unnamed;
    location.core = &core;
    return parser.parse_block(inner);
}

Result<void> fail(Parser& parser, Text before, Text name, Text after) {
    return Error(parser.arena().concat(before, name, after));
}

struct Modifier {
    Text word;
    Location::Kind kind;
    bool ignores_case;
};
constexpr std::array kModifiers{
    Modifier{"=", Location::Kind::exact, false},
    Modifier{"^~", Location::Kind::prefix_final, false},
    Modifier{"~", Location::Kind::regex, false},
    Modifier{"~*", Location::Kind::regex, true},
};

/// Splits "~ x", "=/x" and the like into modifier and name.
Result<void> name_location(Parser& parser, Location& location, Arguments words) {
    location.kind = Location::Kind::prefix;
    bool ignores_case = false;
    if (words.size() == 2) {
        const Modifier* found = nullptr;
        for (const Modifier& modifier : kModifiers)
            if (modifier.word == words[0].text) found = &modifier;
        if (found == nullptr) {
            parser.point_at(words[0]);
            return fail(parser, "invalid location modifier \"", words[0].text, "\"");
        }
        location.kind = found->kind;
        location.name = words[1].text;
        ignores_case = found->ignores_case;
    } else {
        // nginx takes the modifier glued to the name as well: longest one first.
        Text name = words[0].text;
        for (const Text glued : {Text("^~"), Text("~*"), Text("="), Text("~")}) {
            if (!name.starts_with(glued)) continue;
            name.remove_prefix(glued.size());
            for (const Modifier& modifier : kModifiers) {
                if (modifier.word != glued) continue;
                location.kind = modifier.kind;
                ignores_case = modifier.ignores_case;
            }
            break;
        }
        if (location.kind == Location::Kind::prefix && name.starts_with('@')) location.kind = Location::Kind::named;
        location.name = name;
    }
    if (location.kind != Location::Kind::regex) return {};
    Result<const script::Regex*> compiled = script::Regex::compile(parser.arena(), *parser.scope().variables,
                                                                   location.name, {.ignore_case = ignores_case});
    if (!compiled) return compiled.error();
    location.regex = *compiled;
    return {};
}

/// A location inside another must lie inside it by name, too.
Result<void> check_nesting(Parser& parser, const Location& outer, const Location& inner) {
    if (outer.kind == Location::Kind::root) return {};
    const auto refuse = [&](Text reason) -> Result<void> {
        return Error(parser.arena().concat("location \"", inner.name, "\" ", reason, " \"", outer.name, "\""));
    };
    if (outer.kind == Location::Kind::exact) return refuse("cannot be inside the exact location");
    if (outer.kind == Location::Kind::named) return refuse("cannot be inside the named location");
    if (inner.kind == Location::Kind::named)
        return Error(parser.arena().concat("named location \"", inner.name, "\" can be on the server level only"));
    // Also within a regex: its text is compared.
    if (inner.kind != Location::Kind::regex && !inner.name.starts_with(outer.name))
        return refuse("is outside location");
    return {};
}

}  // namespace

Result<void> server_block(Parser& parser, HttpConf& http, Arguments) {
    Server& server = *http.servers.emplace_back(std::make_unique<Server>());
    server.file = parser.directive().at.file;
    server.line = parser.directive().at.line;
    conf::Scope inner = parser.scope();
    inner.context = conf::Context::http_server;
    inner.enclosing = &parser.scope();
    inner.sets[static_cast<size_t>(conf::Level::server)] = &server.confs;
    inner.sets[static_cast<size_t>(conf::Level::location)] = &server.root.confs;
    server.core = &parser.conf<ServerConf>(inner);
    server.core->server = &server;
    server.root.core = &parser.conf<LocationConf>(inner);
    server.root.core->location = &server.root;
    server.root.kind = Location::Kind::root;
    if (Result<void> read = parser.parse_block(inner); !read) return read;
    if (server.names.empty()) server.names.push_back({Text(""), nullptr});
    return server.has_listen ? Result<void>() : listen_by_default(parser, server);
}

Result<void> location_block(Parser& parser, LocationConf& enclosing, Arguments words) {
    Location& location = *parser.arena().make<Location>();
    if (Result<void> named = name_location(parser, location, words); !named) return named;
    if (Result<void> fits = check_nesting(parser, *enclosing.location, location); !fits) return fits;

    auto& server = *parser.conf<ServerConf>().server;
    if (location.kind == Location::Kind::named) {
        if (server.find_named(location.name) != nullptr)
            parser.warn(parser.arena().concat("duplicate location \"", location.name, "\", ignored"));
        server.named_locations.push_back(&location);
    } else {
        if (enclosing.locations == nullptr) enclosing.locations = parser.arena().make<LocationTable>();
        if (!enclosing.locations->add(location)) return fail(parser, "duplicate location \"", location.name, "\"");
    }
    return read_location(parser, location, conf::Context::http_location);
}

Result<Location*> unnamed_block(Parser& parser, LocationConf& enclosing, conf::Context context) {
    Location& location = *parser.arena().make<Location>();
    location.kind = Location::Kind::unnamed;
    location.name = enclosing.location->name;
    enclosing.unnamed.append(parser.arena(), &location);
    if (Result<void> read = read_location(parser, location, context); !read) return read.error();
    return &location;
}

Result<void> limit_except_block(Parser& parser, LocationConf& enclosing, Arguments words) {
    if (enclosing.limit_except != nullptr) return Error("\"limit_except\" directive is duplicate");
    uint32_t methods = 0;
    for (const conf::Token& word : words) {
        // nginx: in any case, and what makes tunnels or shows requests is none of them.
        std::string name(word.text);
        for (char& c : name)
            if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        const Method method = find_method(name);
        if (method == Method::unknown || method == Method::trace || method == Method::connect) {
            parser.point_at(word);
            return fail(parser, "invalid method \"", word.text, "\"");
        }
        methods |= 1U << static_cast<unsigned>(method);
        if (method == Method::get) methods |= 1U << static_cast<unsigned>(Method::head);
    }
    enclosing.limit_except_methods = methods;
    Result<Location*> location = unnamed_block(parser, enclosing, conf::Context::http_limit_except);
    if (!location) return location.error();
    enclosing.limit_except = *location;
    return {};
}

}  // namespace sluice::http::parse
