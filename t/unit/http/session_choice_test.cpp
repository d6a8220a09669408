// Which session the first bytes of a connection ask for.
#include "http/session_choice.h"

#include <gtest/gtest.h>

#include "http/conf/endpoint.h"
#include "http/session.h"

namespace sluice::http {
namespace {

using Outcome = PrefaceMatch::Outcome;

constexpr SessionType kFirst{.alpn = "h2", .preface = "PRI * HTTP/2.0\r\n"};
constexpr SessionType kSecond{.alpn = "xx", .preface = "PRIVATE"};

class PrefaceMatchTest : public testing::Test {
 protected:
    PrefaceMatchTest() { address_.sessions = {&kFirst, &kSecond}; }

    /// The outcome of the last piece; all before must ask for more.
    Outcome look(std::initializer_list<Text> pieces) {
        Outcome outcome = Outcome::need_more;
        for (const Text piece : pieces) {
            EXPECT_EQ(outcome, Outcome::need_more);
            outcome = match_.look(address_, piece);
        }
        return outcome;
    }

    Address address_;
    PrefaceMatch match_;
};

TEST_F(PrefaceMatchTest, WholeAndWithMoreBehindIt) {
    EXPECT_EQ(look({"PRI * HTTP/2.0\r\nmore"}), Outcome::matched);
    EXPECT_EQ(&match_.type(address_), &kFirst);
    EXPECT_EQ(match_.seen(address_), "");
}

TEST_F(PrefaceMatchTest, AtEverySplit) {
    for (size_t cut = 1; cut < kFirst.preface.size(); ++cut) {
        match_ = {};
        EXPECT_EQ(look({kFirst.preface.substr(0, cut)}), Outcome::need_more);
        EXPECT_EQ(match_.seen(address_), kFirst.preface.substr(0, cut));
        EXPECT_EQ(match_.look(address_, kFirst.preface.substr(cut)), Outcome::matched);
    }
}

TEST_F(PrefaceMatchTest, TheSecondOfTwoThatBeginAlike) {
    EXPECT_EQ(look({"PR", "I", "V", "ATE"}), Outcome::matched);
    EXPECT_EQ(&match_.type(address_), &kSecond);
}

TEST_F(PrefaceMatchTest, Others) {
    EXPECT_EQ(look({"GET / HTTP/1.1"}), Outcome::none);
    EXPECT_EQ(look({"PRI * ", "HTTP/1.1"}), Outcome::none);
    EXPECT_EQ(match_.seen(address_), "PRI * ") << "what the next session has not seen";
}

TEST_F(PrefaceMatchTest, NamesOfAlpn) {
    EXPECT_EQ(find_session(address_, "h2"), &kFirst);
    EXPECT_EQ(find_session(address_, "http/1.1"), nullptr);
    EXPECT_EQ(find_session(address_, ""), nullptr);
}

}  // namespace
}  // namespace sluice::http
