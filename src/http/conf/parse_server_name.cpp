// server_name, and the tables of names behind each address.
#include <algorithm>
#include <array>

#include <unistd.h>

#include "http/conf/core_parsers.h"

namespace sluice::http::parse {

namespace {

/// What nginx refuses as soon as it reads it.
bool is_impossible(Text name) {
    if (name.starts_with('*')) return !name.starts_with("*.") || name.size() == 2;
    return name == ".";
}

/// What nginx refuses only where a name must be looked up, because an address has several servers: a star may be the
/// whole first or last label, and behind a leading dot anything.
bool can_be_looked_up(Text name) {
    const auto stars = std::count(name.begin(), name.end(), '*');
    if (stars > 1 || name.find("..") != Text::npos) return false;
    return stars == 0 || name.starts_with('.') || name.starts_with("*.") || name.ends_with(".*");
}

Text host_name(Arena& arena) {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? lower_copy(arena, Text(name.data())) : Text{};
}

Result<void> add_regex(Parser& parser, Server& server, const conf::Token& word) {
    Text pattern = word.text.substr(1);
    if (pattern.empty()) {
        parser.point_at(word);
        return Error(parser.arena().concat("empty regex in server name \"", word.text, "\""));
    }
    const bool has_upper = std::any_of(pattern.begin(), pattern.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    Result<const script::Regex*> regex =
        script::Regex::compile(parser.arena(), *parser.scope().variables, pattern, {.ignore_case = has_upper});
    if (!regex) return regex.error();
    server.names.push_back({word.text, *regex});
    return {};
}

/// nginx builds no table for an address with one server, and so finds nothing wrong with its names, unless the last
/// regex among them has groups.
bool looks_names_up(const Address& address) {
    if (address.servers.size() > 1) return true;
    const auto& names = address.servers.front()->names;
    const auto last =
        std::find_if(names.rbegin(), names.rend(), [](const ServerName& n) { return n.regex != nullptr; });
    return last != names.rend() && last->regex->group_count() > 0;
}

/// Puts the names of one server into the table of one of its addresses.
Result<void> index_names(Parser& parser, Address& address, const Server& server) {
    const bool is_checked = looks_names_up(address);
    for (const ServerName& name : server.names) {
        if (name.regex != nullptr) {
            address.names.add_regex(*name.regex, server);
        } else if (is_checked && !can_be_looked_up(name.name)) {
            parser.point_without_place({server.file, server.line, 0});
            return Error(
                parser.arena().concat("invalid server name or wildcard \"", name.name, "\" on ", address.text));
        } else if (!address.names.add(name.name, server) && is_checked) {
            parser.log().write(LogLevel::warn, 0, "conflicting server name \"", name.name, "\" on ", address.text,
                               ", ignored");
        }
    }
    return {};
}

}  // namespace

Text lower_copy(Arena& arena, Text name) {
    const std::span<char> lower = arena.make_bytes(name.size());
    std::transform(name.begin(), name.end(), lower.begin(), text::to_lower);
    return {lower.data(), lower.size()};
}

Result<void> server_name(Parser& parser, ServerConf& conf, Arguments words) {
    Server& server = *conf.server;
    for (const conf::Token& word : words) {
        const Text name = word.text;
        if (is_impossible(name)) {
            parser.point_at(word);
            return Error(parser.arena().concat("server name \"", name, "\" is invalid"));
        }
        if (name.find('/') != Text::npos)
            parser.warn(parser.arena().concat("server name \"", name, "\" has suspicious symbols"));
        if (name.starts_with('~')) {
            if (Result<void> added = add_regex(parser, server, word); !added) return added;
        } else if (name == "$hostname") {
            server.names.push_back({host_name(parser.arena()), nullptr});
        } else {
            server.names.push_back({lower_copy(parser.arena(), name), nullptr});
        }
    }
    return {};
}

Result<void> index_server_names(Parser& parser, HttpConf& http) {
    for (const auto& endpoint : http.endpoints)
        for (const auto& address : endpoint->addresses)
            for (const Server* server : address->servers)
                if (Result<void> indexed = index_names(parser, *address, *server); !indexed) return indexed;
    return {};
}

}  // namespace sluice::http::parse
