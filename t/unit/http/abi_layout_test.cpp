// What modules see of the server's structs. A module that was built for the same ABI number reads them by these
// layouts: whoever changes one here, or a virtual function, raises the number in core/module/descriptor.h with it.
#include <gtest/gtest.h>

#include "core/base/arena.h"
#include "core/conf/directive.h"
#include "core/module/descriptor.h"
#include "cycle/cycle.h"
#include "event/chain.h"
#include "event/connection.h"
#include "event/loop.h"
#include "event/transport.h"
#include "http/headers.h"
#include "http/module.h"
#include "http/request.h"
#include "http/response.h"
#include "http/upstream/exchange.h"
#include "http/upstream/protocol.h"

namespace sluice {
namespace {

struct Layout {
    const char* name;
    size_t size;
    size_t is;
};

TEST(Abi, LayoutsBelongToTheNumber) {
    static_assert(module::kAbiMajor == 5, "a new number: bring the sizes below up to date");
    const Layout layouts[] = {
        {"Arena", 32, sizeof(Arena)},
        {"conf::Directive", 128, sizeof(conf::Directive)},
        {"module::Descriptor", 144, sizeof(module::Descriptor)},
        {"event::Buffer", 48, sizeof(event::Buffer)},
        {"event::Chain", 24, sizeof(event::Chain)},
        {"event::Connection", 120, sizeof(event::Connection)},
        {"event::Loop", 152, sizeof(event::Loop)},
        {"event::Transport", 8, sizeof(event::Transport)},
        {"http::Field", 48, sizeof(http::Field)},
        {"http::Headers", 40, sizeof(http::Headers)},
        {"http::Module", 224, sizeof(http::Module)},
        {"http::Request", 976, sizeof(http::Request)},
        {"http::Response", 192, sizeof(http::Response)},
        {"http::upstream::Destination", 72, sizeof(http::upstream::Destination)},
        {"http::upstream::Exchange", 808, sizeof(http::upstream::Exchange)},
        {"http::upstream::Protocol", 8, sizeof(http::upstream::Protocol)},
    };
    for (const auto& layout : layouts) {
        EXPECT_EQ(layout.is, layout.size) << layout.name;
    }
}

}  // namespace
}  // namespace sluice
