// Lists: elements that are put where they stand already.
#include "core/base/list.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

struct Element : ListNode<Element> {};

TEST(List, TheLastElementMayBeAppendedAgain) {
    List<Element, Element> list;
    Element one;
    Element two;
    list.push_back(one);
    list.push_back(two);
    list.push_back(two);
    EXPECT_EQ(list.pop_front(), &one);
    EXPECT_EQ(list.pop_front(), &two);
    EXPECT_TRUE(list.empty());
}

TEST(List, TheFirstElementMayBePutInFrontAgain) {
    List<Element, Element> list;
    Element one;
    list.push_front(one);
    list.push_front(one);
    EXPECT_EQ(list.pop_front(), &one);
    EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace sluice
