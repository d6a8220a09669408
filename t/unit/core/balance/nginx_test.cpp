// Replays t/data/balance: the same requests to the same servers must take the same way as through nginx.
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "core/balance/hash.h"
#include "core/balance/ip_hash.h"
#include "core/balance/least_conn.h"
#include "core/balance/round_robin.h"
#include "fixture.h"

namespace sluice::balance::test {
namespace {

/// One upstream of a file, and what happens to it.
class Scenario {
 public:
    void set_method(const std::string& method) { method_ = method; }
    void add_server(const std::string& line) {
        upstream_.add(line);
        if (line.find(" dead") != std::string::npos) dead_.insert(line.substr(0, line.find(' ')));
    }
    void kill(const std::string& server) { dead_.insert(server); }
    void revive(const std::string& server) { dead_.erase(server); }
    void wait(int64_t seconds) { now_.count += seconds; }
    void drop(const std::string& number) { held_.erase(number); }

    /// The servers tried, as nginx lists them in $upstream_addr.
    std::string get(const std::string& key) {
        Request request(upstream_, balancer(), key);
        std::string tries;
        while (const Peer* peer = request.selection.pick(now_)) {
            const std::string name(peer->address.name);
            if (!tries.empty()) tries += " ";
            tries += name;
            const bool is_dead = dead_.contains(name);
            request.selection.release(is_dead ? Outcome::failed : Outcome::ok, now_);
            if (!is_dead) return tries;
            if (request.selection.tries_left() == 0) return tries + " !502";
        }
        return tries + (tries.empty() ? "u !502" : " u !502");
    }
    std::string hold(const std::string& number) {
        held_[number] = std::make_unique<Request>(upstream_, balancer());
        const Peer* peer = held_[number]->selection.pick(now_);
        return peer != nullptr ? std::string(peer->address.name) : "u";
    }

 private:
    const Balancer& balancer() {
        if (balancer_ != nullptr) return *balancer_;
        upstream_.make_peers();
        const Peers& peers = *upstream_.peers;
        Arena& arena = upstream_.arena;
        if (method_ == "round_robin") balancer_ = arena.make<RoundRobin>(peers);
        if (method_ == "least_conn") balancer_ = arena.make<LeastConn>(peers);
        if (method_ == "ip_hash") balancer_ = arena.make<IpHash>(peers, client_address);
        if (method_ == "hash") balancer_ = arena.make<Hash>(peers, upstream_.key);
        if (method_ == "consistent") balancer_ = arena.make<ConsistentHash>(arena, peers, upstream_.key);
        return *balancer_;
    }

    Upstream upstream_;
    std::string method_;
    const Balancer* balancer_ = nullptr;
    std::set<std::string> dead_;
    std::map<std::string, std::unique_ptr<Request>> held_;
    Seconds now_ = kNow;
};

/// ":21001" is short for "127.0.0.1:21001".
std::string lengthen(const std::string& line) {
    std::string whole;
    for (size_t i = 0; i < line.size(); ++i) {
        if (i != 0 && line[i - 1] == ' ' && line.substr(i).starts_with(":21")) whole += "127.0.0.1";
        whole += line[i];
    }
    return whole;
}

/// Plays one line; what it should have given and gave, both empty where nothing is to be compared.
std::pair<std::string, std::string> play(Scenario& scenario, const std::string& line) {
    const size_t equals = line.find('=');
    std::istringstream words(line);
    std::string verb;
    std::string word;
    words >> verb >> word;
    if (verb == "method") scenario.set_method(word);
    if (verb == "server") scenario.add_server(line.substr(7));
    if (verb == "kill") scenario.kill(word);
    if (verb == "up") scenario.revive(word);
    if (verb == "wait") scenario.wait(std::stoi(word));
    if (verb == "drop") scenario.drop(word);
    if (verb != "get" && verb != "hold") return {};
    const std::string expected = line.substr(equals + 2);
    if (verb == "hold") return {expected, scenario.hold(word)};
    return {expected, scenario.get(word == "=" ? "" : word)};
}

void replay(const std::string& path, size_t least) {
    std::ifstream file(path);
    ASSERT_TRUE(file.good()) << path;
    std::unique_ptr<Scenario> scenario;
    std::string line;
    std::string name;
    size_t compared = 0;
    while (std::getline(file, line)) {
        if (line.empty() || line[0] == '#') continue;
        if (line.starts_with("case ")) {
            scenario = std::make_unique<Scenario>();
            name = line.substr(5);
            continue;
        }
        const auto [expected, got] = play(*scenario, lengthen(line));
        EXPECT_EQ(got, expected) << name << ": " << line;
        if (!expected.empty()) ++compared;
    }
    EXPECT_GE(compared, least);
}

TEST(AsNginx, RoundRobin) {
    replay("t/data/balance/round_robin.txt", 130);
}
TEST(AsNginx, LeastConn) {
    replay("t/data/balance/least_conn.txt", 60);
}
TEST(AsNginx, IpHash) {
    replay("t/data/balance/ip_hash.txt", 100);
}
TEST(AsNginx, Hash) {
    replay("t/data/balance/hash.txt", 100);
}
TEST(AsNginx, ConsistentHash) {
    replay("t/data/balance/ring.txt", 140);
}

}  // namespace
}  // namespace sluice::balance::test
