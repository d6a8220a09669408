// server_name, and the tables of names behind each address.
#include <algorithm>
#include <array>

#include <unistd.h>

#include "http/conf/core_parsers.h"

namespace sluice::http::parse {

namespace {

Text lower_copy(Arena& arena, Text name) {
    const std::span<char> lower = arena.make_bytes(name.size());
    std::transform(name.begin(), name.end(), lower.begin(), text::to_lower);
    return {lower.data(), lower.size()};
}

/// A star may stand only as a whole first or last label: "*.x", "x.*", ".x".
bool has_valid_wildcards(Text name) {
    if (name.starts_with("*.") || name.starts_with('.'))
        name.remove_prefix(name.starts_with('.') ? 1 : 2);
    else if (name.ends_with(".*"))
        name.remove_suffix(2);
    return name.find('*') == Text::npos && !name.empty() && name.find("..") == Text::npos;
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

/// Puts the names of one server into the table of one of its addresses.
void index_names(const Log& log, Address& address, const Server& server) {
    for (const ServerName& name : server.names) {
        if (name.regex != nullptr) {
            address.names.add_regex(*name.regex, server);
        } else if (!address.names.add(name.name, server)) {
            log.write(LogLevel::warn, 0, "conflicting server name \"", name.name, "\" on ", address.text,
                      ", ignored");
        }
    }
}

}  // namespace

Result<void> server_name(Parser& parser, ServerConf& conf, Arguments words) {
    Server& server = *conf.server;
    for (const conf::Token& word : words) {
        const Text name = word.text;
        const bool has_plain_star = name == "*";
        if (has_plain_star || (!name.empty() && !name.starts_with('~') && !has_valid_wildcards(name))) {
            parser.point_at(word);
            return Error(parser.arena().concat("server name \"", name, "\" is invalid"));
        }
        if (name.find('/') != Text::npos && !name.starts_with('~'))
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
            for (const Server* server : address->servers) index_names(parser.log(), *address, *server);
    return {};
}

}  // namespace sluice::http::parse
