// What the tests of core/balance share: a subject without variables, and an upstream made of a few lines.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/balance/balancer.h"
#include "core/log/error_log.h"
#include "core/script/complex_value.h"

namespace sluice::balance::test {

constexpr Seconds kNow{1'700'000'000};

/// Keeps the messages of a log.
class Lines : public LogRoute {
 public:
    Lines() { threshold_ = LogLevel::info; }
    void emit(LogLevel level, Text line) const override {
        all.push_back(std::string(log_level_name(level)).append(line.substr(line.find(": "))));
    }
    mutable std::vector<std::string> all;
};

/// A request with a key, which is also the client's address.
class Client : public script::Subject {
 public:
    Client(Arena& arena, const script::VariableTable& table, const LogRoute& lines, std::string its_key = {})
        : Subject(arena, table), key(std::move(its_key)) {
        log().set_route(&lines);
    }
    std::string key;
};

/// Bytes of the address that the client's key spells; empty for anything else.
Text client_address(script::Subject& subject);

struct Upstream {
    Arena arena;
    Lines lines;
    script::VariableTable table;
    script::Complex key;  ///< $key
    std::vector<Server> servers;
    const Peers* peers = nullptr;

    Upstream();
    /// "127.0.0.1:1 weight=2 max_conns=3 max_fails=4 fail_timeout=5 backup down"; each name has one address, or
    /// `addresses=N` of them. Unknown parameters are ignored.
    void add(const std::string& line);
    void make_peers() { peers = Peers::make(arena, servers); }
};

/// A request in flight, with memory of its own.
struct Request {
    Request(Upstream& upstream, const Balancer& balancer, std::string key = {})
        : client(arena, upstream.table, upstream.lines, std::move(key)), selection(balancer.begin(client)) {}
    Arena arena;
    Client client;
    Selection& selection;
};

/// One request that succeeds at once; the peer's name, or "none".
std::string serve(Upstream& upstream, const Balancer& balancer, Seconds now = kNow, std::string key = {});

}  // namespace sluice::balance::test
