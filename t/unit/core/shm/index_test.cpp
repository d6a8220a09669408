// Index and queue in a zone, against a model; and that a hash depends on the zone.
#include "core/shm/index.h"

#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "core/shm/queue.h"
#include "core/shm/zones.h"

namespace sluice::shm {
namespace {

struct Node : IndexNode, QueueNode<> {
    uint32_t key;
    uint32_t value;
};

struct State {
    Index* index;
    Queue<Node> recent;
};

Result<void> prepare(Lock& lock, void*) {
    auto* state = lock.make<State>();
    if (state == nullptr || (state->index = Index::create(lock)) == nullptr) return Error("no room");
    lock.set_root(state);
    return {};
}

constexpr ZoneUse kUse{.user = "test", .prepare = prepare};

Text key_text(const uint32_t& key) {
    return {reinterpret_cast<const char*>(&key), sizeof key};
}

Node* find(State& state, uint32_t key) {
    return state.index->find<Node>(state.index->hash(key_text(key)),
                                   [&](const Node& node) { return node.key == key; });
}

TEST(ShmIndex, AgreesWithTheModel) {
    Zones zones;
    Result<Zone*> zone = zones.add("z", Bytes{64 * 1024}, kUse);
    ASSERT_TRUE(zone);
    ASSERT_TRUE(zones.map(nullptr, Log()));
    Lock lock(**zone);
    State& state = *lock.root<State>();
    std::map<uint32_t, uint32_t> model;
    std::mt19937 random(1);
    size_t evictions = 0;
    for (uint32_t step = 0; step < 50000; ++step) {
        const uint32_t key = static_cast<uint32_t>(random()) % 2000;
        Node* found = find(state, key);
        const auto expected = model.find(key);
        ASSERT_EQ(found != nullptr, expected != model.end()) << key;
        if (found != nullptr) {
            ASSERT_EQ(found->value, expected->second);
            if (random() % 3 == 0) {
                state.index->remove(*found);
                Queue<Node>::remove(*found);
                lock.free(found);
                model.erase(expected);
            } else {
                found->value = expected->second = step;
                state.recent.touch(*found);
            }
            continue;
        }
        auto* node = lock.make<Node>();
        while (node == nullptr) {
            Node& victim = *state.recent.oldest();
            ++evictions;
            model.erase(victim.key);
            state.index->remove(victim);
            Queue<Node>::remove(victim);
            lock.free(&victim);
            node = lock.make<Node>();
        }
        node->key = key;
        node->value = step;
        state.index->insert(*node, state.index->hash(key_text(key)));
        state.recent.push(*node);
        model[key] = step;
    }
    EXPECT_GT(evictions, 0U);
    EXPECT_EQ(state.index->size(), model.size());
}

TEST(ShmIndex, NodesOfOneHashAreToldApart) {
    Zones zones;
    Result<Zone*> zone = zones.add("z", kSmallestZone, kUse);
    ASSERT_TRUE(zones.map(nullptr, Log()));
    Lock lock(**zone);
    Index& index = *lock.root<State>()->index;
    Node* nodes[3];
    for (uint32_t i = 0; i < 3; ++i) {
        nodes[i] = lock.make<Node>();
        nodes[i]->key = i;
        index.insert(*nodes[i], 7);
    }
    const auto with_key = [](uint32_t key) { return [key](const Node& node) { return node.key == key; }; };
    for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(index.find<Node>(7, with_key(i)), nodes[i]);
    EXPECT_EQ(index.find<Node>(7, with_key(3)), nullptr);
    index.remove(*nodes[1]);
    index.remove(*nodes[1]);
    EXPECT_EQ(index.size(), 2U);
    EXPECT_EQ(index.find<Node>(7, with_key(1)), nullptr);
    EXPECT_EQ(index.find<Node>(7, with_key(0)), nodes[0]);
    EXPECT_EQ(index.find<Node>(7, with_key(2)), nodes[2]);
}

TEST(ShmIndex, HashIsSaltedByZoneAndDependsOnEveryByte) {
    Zones zones;
    Result<Zone*> one = zones.add("one", kSmallestZone, kUse);
    Result<Zone*> two = zones.add("two", kSmallestZone, kUse);
    ASSERT_TRUE(zones.map(nullptr, Log()));
    Lock lock_one(**one);
    Lock lock_two(**two);
    const Index& index = *lock_one.root<State>()->index;
    EXPECT_NE(index.hash("key"), lock_two.root<State>()->index->hash("key"));
    EXPECT_EQ(index.hash("key"), index.hash(std::string("key")));
    std::string key(40, 'k');
    const uint64_t before = index.hash(key);
    for (char& c : key) {
        ++c;
        EXPECT_NE(index.hash(key), before);
        --c;
    }
    EXPECT_NE(index.hash(""), index.hash(Text("\0", 1)));
    EXPECT_NE(index.hash(Text("\0", 1)), index.hash(Text("\0\0", 2)));
}

TEST(ShmQueue, KeepsTheOrderOfUse) {
    Queue<Node> queue;
    Node nodes[3];
    EXPECT_EQ(queue.oldest(), nullptr);
    EXPECT_EQ(queue.newest(), nullptr);
    for (Node& node : nodes) queue.push(node);
    EXPECT_EQ(queue.oldest(), &nodes[0]);
    EXPECT_EQ(queue.newest(), &nodes[2]);
    queue.touch(nodes[0]);
    EXPECT_EQ(queue.oldest(), &nodes[1]);
    EXPECT_EQ(queue.newer(nodes[1]), &nodes[2]);
    EXPECT_EQ(queue.newer(nodes[0]), nullptr);
    Queue<Node>::remove(nodes[2]);
    Queue<Node>::remove(nodes[2]);
    EXPECT_FALSE(nodes[2].QueueNode<>::is_linked());
    EXPECT_EQ(queue.newer(nodes[1]), &nodes[0]);
    Queue<Node>::remove(nodes[1]);
    Queue<Node>::remove(nodes[0]);
    EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace sluice::shm
