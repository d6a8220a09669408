// HeadTemplate.
#include "head_template.h"

namespace sluice::proxy {

namespace {

/// Fields of the client that never go on: they are about its own connection.
constexpr std::array<Text, 9> kOwn{"Host",    "Connection", "Content-Length", "Transfer-Encoding", "TE",
                                   "Upgrade", "Keep-Alive", "Expect",         "Proxy-Connection"};

void add(Arena& arena, HeadTemplate& made, Text name, const script::Complex& value) {
    if (!value.is_constant()) {
        made.parts.push_back({name, {}, value});
        return;
    }
    // An empty value keeps the field from being sent.
    if (value.source().empty()) return;
    const Text line = arena.concat(name, ": ", value.source(), "\r\n");
    if (!made.parts.empty() && made.parts.back().name.empty()) {
        made.parts.back().constant = arena.concat(made.parts.back().constant, line);
    } else {
        made.parts.push_back({{}, line, {}});
    }
}

}  // namespace

const HeadTemplate* make_head_template(Arena& arena, const conf::Sequence<SetHeader>& set,
                                       const script::Complex& host, bool is_http10) {
    auto& made = *arena.make<HeadTemplate>();
    bool has_host = false;
    bool has_connection = false;
    for (const Text name : kOwn) made.replaced.add(name);
    for (const SetHeader& one : set) {
        made.replaced.add(one.name);
        has_host |= text::iequals(one.name, "Host");
        const bool is_connection = text::iequals(one.name, "Connection");
        has_connection |= is_connection;
        // An upstream that is not asked for it closes behind its answer (RFC 9112 §9.3), whatever that says.
        made.says_keep_alive |= is_connection && text::iequals(one.value.source(), "keep-alive");
        made.sets_length |= text::iequals(one.name, "Content-Length");
        made.sets_coding |= text::iequals(one.name, "Transfer-Encoding");
    }
    if (!has_host) add(arena, made, "Host", host);
    if (!has_connection && is_http10) add(arena, made, "Connection", script::Complex("close"));
    for (const SetHeader& one : set) add(arena, made, one.name, one.value);
    return &made;
}

}  // namespace sluice::proxy
