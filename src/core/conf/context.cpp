// The contexts' names.
#include "core/conf/context.h"

#include <array>
#include <bit>

namespace sluice::conf {

namespace {

constexpr std::array<Text, kContexts> kNames{
    "main",           "events",       "http",     "server", "location",      "if in server",
    "if in location", "limit_except", "upstream", "stream", "stream server", "stream upstream",
};

}  // namespace

Text context_name(Context context) {
    return kNames[static_cast<size_t>(std::countr_zero(static_cast<uint32_t>(context)))];
}

}  // namespace sluice::conf
