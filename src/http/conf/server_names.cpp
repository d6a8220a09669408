// ServerNames: one hash for exact names and two for wildcards, walked label by label from the longest match on.
#include <unordered_map>

#include "core/script/regex.h"
#include "http/conf/endpoint.h"
#include "http/request.h"

namespace sluice::http {

namespace {
struct Hash {
    size_t operator()(Text key) const { return static_cast<size_t>(text::hash(key)); }
};
using Table = std::unordered_map<Text, const Server*, Hash>;
}  // namespace

struct ServerNames::Tables {
    Table exact;
    Table suffixes;  ///< "*.example.com" under "example.com"
    Table prefixes;  ///< "www.*" under "www"
    struct Pattern {
        const script::Regex* regex;
        const Server* server;
    };
    std::vector<Pattern> patterns;
};

ServerNames::ServerNames() : tables_(std::make_unique<Tables>()) {}
ServerNames::~ServerNames() = default;

bool ServerNames::add(Text name, const Server& server) {
    if (name.starts_with("*.")) return tables_->suffixes.emplace(name.substr(2), &server).second;
    if (name.ends_with(".*")) return tables_->prefixes.emplace(name.substr(0, name.size() - 2), &server).second;
    if (name.starts_with('.')) {
        // ".x" is "x" and "*.x" at once.
        const bool is_new_exact = tables_->exact.emplace(name.substr(1), &server).second;
        const bool is_new_suffix = tables_->suffixes.emplace(name.substr(1), &server).second;
        return is_new_exact && is_new_suffix;
    }
    return tables_->exact.emplace(name, &server).second;
}

void ServerNames::add_regex(const script::Regex& regex, const Server& server) {
    tables_->patterns.push_back({&regex, &server});
}

bool ServerNames::is_trivial() const {
    return tables_->exact.empty() && tables_->suffixes.empty() && tables_->prefixes.empty() &&
           tables_->patterns.empty();
}

const Server* ServerNames::find_listed(Text host) const {
    if (!tables_->exact.empty())
        if (const auto found = tables_->exact.find(host); found != tables_->exact.end()) return found->second;
    if (!tables_->suffixes.empty()) {
        for (size_t dot = host.find('.'); dot != Text::npos; dot = host.find('.', dot + 1))
            if (const auto found = tables_->suffixes.find(host.substr(dot + 1)); found != tables_->suffixes.end())
                return found->second;
    }
    if (!tables_->prefixes.empty()) {
        for (size_t dot = host.rfind('.'); dot != Text::npos && dot > 0; dot = host.rfind('.', dot - 1))
            if (const auto found = tables_->prefixes.find(host.substr(0, dot)); found != tables_->prefixes.end())
                return found->second;
    }
    return nullptr;
}

const Server* ServerNames::find(Text host, Request& request) const {
    const Server* const listed = find_listed(host);
    if (listed != nullptr || host.empty()) return listed;
    for (const auto& pattern : tables_->patterns)
        if (pattern.regex->match(request, host) == script::Match::yes) return pattern.server;
    return nullptr;
}

const Server* ServerNames::find(Text host, const Log& log) const {
    const Server* const listed = find_listed(host);
    if (listed != nullptr || host.empty()) return listed;
    for (const auto& pattern : tables_->patterns)
        if (pattern.regex->test(log, host) == script::Match::yes) return pattern.server;
    return nullptr;
}

}  // namespace sluice::http
