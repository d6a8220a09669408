// Chain: whatever is cut, moved or consumed, the bytes stay the same and in order, and size() tells the truth.
#include "event/chain.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::event {
namespace {

constexpr int kFile = 7;  ///< never opened: a file range is told by its number

/// Memory as it stands, file ranges as "[begin-end)".
std::string read(const Chain& chain) {
    std::string all;
    const Buffer* last = nullptr;
    int64_t size = 0;
    for (const Buffer* buffer = chain.head(); buffer != nullptr; buffer = buffer->next) {
        if (buffer->is_file()) {
            all += '[' + std::to_string(buffer->file_begin) + '-' + std::to_string(buffer->file_end) + ')';
        } else {
            all += buffer->text();
        }
        size += buffer->size();
        last = buffer;
    }
    EXPECT_EQ(chain.size(), size);
    EXPECT_EQ(chain.tail(), last);
    EXPECT_EQ(chain.empty(), last == nullptr);
    return all;
}

class ChainTest : public testing::Test {
 protected:
    Chain mixed() {
        Chain chain;
        chain.add(arena_, "abc");
        chain.add_file(arena_, kFile, 100, 4);
        chain.add(arena_, "de");
        return chain;
    }
    Arena arena_;
};

TEST_F(ChainTest, EmptyPiecesAreNotAdded) {
    Chain chain;
    chain.add(arena_, "");
    chain.add_file(arena_, kFile, 5, 0);
    chain.add_file(arena_, kFile, 5, -3);
    EXPECT_EQ(read(chain), "");
}

TEST_F(ChainTest, PrependAndSpliceKeepTheOrder) {
    Chain chain = mixed();
    Buffer front{.begin = "x", .end = nullptr};
    front.end = front.begin + 1;
    chain.prepend(front);
    Chain other;
    chain.splice(other);
    EXPECT_EQ(read(chain), "xabc[100-104)de");
    other.splice(chain);
    EXPECT_EQ(read(chain), "");
    EXPECT_EQ(read(other), "xabc[100-104)de");
    Buffer second = front;
    chain.prepend(second);
    EXPECT_EQ(read(chain), "x");
    other.add(arena_, "f");
    EXPECT_EQ(read(other).back(), 'f');
}

TEST_F(ChainTest, ConsumesUpToAnyByte) {
    const std::string expected[] = {"abc[100-104)de", "bc[100-104)de", "c[100-104)de", "[100-104)de", "[101-104)de",
                                    "[102-104)de",    "[103-104)de",   "de",           "e",           ""};
    for (size_t count = 0; count < std::size(expected); ++count) {
        Chain chain = mixed();
        chain.consume(static_cast<int64_t>(count));
        EXPECT_EQ(read(chain), expected[count]) << count;
    }
}

TEST_F(ChainTest, ConsumesByteByByte) {
    Chain chain = mixed();
    for (int64_t left = chain.size(); left > 0; --left) {
        EXPECT_EQ(chain.size(), left);
        chain.consume(1);
        read(chain);
    }
    EXPECT_TRUE(chain.empty());
}

TEST_F(ChainTest, SplitsAtAnyByte) {
    const std::string fronts[] = {"",
                                  "a",
                                  "ab",
                                  "abc",
                                  "abc[100-101)",
                                  "abc[100-102)",
                                  "abc[100-103)",
                                  "abc[100-104)",
                                  "abc[100-104)d",
                                  "abc[100-104)de",
                                  "abc[100-104)de"};
    const std::string rests[] = {"abc[100-104)de",
                                 "bc[100-104)de",
                                 "c[100-104)de",
                                 "[100-104)de",
                                 "[101-104)de",
                                 "[102-104)de",
                                 "[103-104)de",
                                 "de",
                                 "e",
                                 "",
                                 ""};
    for (size_t count = 0; count < std::size(fronts); ++count) {
        Chain chain = mixed();
        Buffer cut;
        const Chain front = chain.split(cut, static_cast<int64_t>(count));
        EXPECT_EQ(read(front), fronts[count]) << count;
        EXPECT_EQ(read(chain), rests[count]) << count;
        // Both can grow on their own.
        chain.add(arena_, "z");
        EXPECT_EQ(read(chain), rests[count] + 'z') << count;
    }
}

}  // namespace
}  // namespace sluice::event
