// ClientSessions: one for each upstream, the latest; the one used longest ago makes room.
#include "http_ssl/client_sessions.h"

#include <gtest/gtest.h>

namespace sluice::tls {
namespace {

UniqueSession session() {
    return UniqueSession(SSL_SESSION_new());
}

std::string key(size_t number) {
    return "upstream " + std::to_string(number);
}

TEST(ClientSessions, FindsTheLatestOfEachUpstream) {
    ClientSessions sessions;
    EXPECT_EQ(sessions.find("a"), nullptr);
    UniqueSession first = session();
    UniqueSession second = session();
    UniqueSession other = session();
    SSL_SESSION* const latest = second.get();
    SSL_SESSION* const of_b = other.get();
    sessions.keep("a", std::move(first));
    sessions.keep("b", std::move(other));
    sessions.keep("a", std::move(second));
    EXPECT_EQ(sessions.find("a"), latest);
    EXPECT_EQ(sessions.find("a"), latest) << "it stays";
    EXPECT_EQ(sessions.find("b"), of_b);
}

TEST(ClientSessions, TheOneUsedLongestAgoMakesRoom) {
    ClientSessions sessions;
    for (size_t i = 0; i < ClientSessions::kMost; ++i) sessions.keep(key(i), session());
    EXPECT_NE(sessions.find(key(0)), nullptr) << "used now, so 1 is the oldest";
    sessions.keep(key(2), session());  // takes the place of its own
    sessions.keep("one more", session());
    EXPECT_EQ(sessions.find(key(1)), nullptr);
    for (const size_t kept : {size_t{0}, size_t{2}, size_t{3}, ClientSessions::kMost - 1})
        EXPECT_NE(sessions.find(key(kept)), nullptr) << kept;
    EXPECT_NE(sessions.find("one more"), nullptr);
}

TEST(ClientSessions, NeverMoreThanThat) {
    ClientSessions sessions;
    const size_t count = 3 * ClientSessions::kMost;
    for (size_t i = 0; i < count; ++i) sessions.keep(key(i), session());
    size_t found = 0;
    for (size_t i = 0; i < count; ++i) found += sessions.find(key(i)) != nullptr ? 1U : 0U;
    EXPECT_EQ(found, ClientSessions::kMost);
    EXPECT_EQ(sessions.find(key(count - ClientSessions::kMost - 1)), nullptr);
    EXPECT_NE(sessions.find(key(count - ClientSessions::kMost)), nullptr);
}

}  // namespace
}  // namespace sluice::tls
