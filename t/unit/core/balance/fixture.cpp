// Upstreams for tests.
#include "fixture.h"

#include <cstdlib>
#include <sstream>

#include <arpa/inet.h>

namespace sluice::balance::test {

namespace {

Text get_key(script::Subject& subject, const void*, Text) {
    return static_cast<Client&>(subject).key;
}

uint32_t number_behind(const std::string& word) {
    return static_cast<uint32_t>(std::atoi(word.c_str() + word.find('=') + 1));
}

}  // namespace

Text client_address(script::Subject& subject) {
    const std::string& key = static_cast<Client&>(subject).key;
    const std::span<char> room = subject.arena().make_bytes(16);
    if (inet_pton(AF_INET, key.c_str(), room.data()) == 1) return {room.data(), 4};
    if (inet_pton(AF_INET6, key.c_str(), room.data()) == 1) return {room.data(), 16};
    return {};
}

Upstream::Upstream() {
    static_cast<void>(table.define({.name = "key", .get = get_key}));
    key = *script::Complex::compile(arena, table, "$key");
    static_cast<void>(table.bind(arena, [](Text) { return false; }));
}

void Upstream::add(const std::string& line) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    Server server{.name = arena.copy(word), .addresses = {}};
    size_t addresses = 1;
    while (words >> word) {
        if (word.starts_with("weight=")) server.weight = number_behind(word);
        if (word.starts_with("max_conns=")) server.max_conns = number_behind(word);
        if (word.starts_with("max_fails=")) server.max_fails = number_behind(word);
        if (word.starts_with("fail_timeout=")) server.fail_timeout = {number_behind(word)};
        if (word.starts_with("addresses=")) addresses = number_behind(word);
        if (word == "backup") server.is_backup = true;
        if (word == "down") server.is_down = true;
    }
    const std::span<Address> made = arena.make_array<Address>(addresses);
    for (size_t i = 0; i < addresses; ++i)
        made[i].name = i == 0 ? server.name : arena.concat(server.name, "#", std::to_string(i));
    server.addresses = made;
    servers.push_back(server);
}

std::string serve(Upstream& upstream, const Balancer& balancer, Seconds now, std::string key) {
    Request request(upstream, balancer, std::move(key));
    const Peer* peer = request.selection.pick(now);
    if (peer == nullptr) return "none";
    request.selection.release(Outcome::ok, now);
    return std::string(peer->address.name);
}

}  // namespace sluice::balance::test
