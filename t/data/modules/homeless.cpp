// A directive that writes to a struct which the module does not declare.
#include <array>

#include <sluice/core/conf/directive.h>
#include <sluice/core/module/descriptor.h>

namespace {
using namespace sluice;

struct Nowhere {
    Setting<uint32_t> value;
};
constexpr std::array kDirectives{
    conf::directive<&Nowhere::value>("homeless_value", {.where = conf::Context::http}),
};
struct Specific {};
constexpr Specific kSpecific{};

constexpr module::Descriptor describe(const Specific& specific) {
    module::Descriptor made;
    made.name = "http_homeless";
    made.family = module::Family::http;
    made.directives = kDirectives;
    made.specific = &specific;
    return made;
}
}  // namespace

SLUICE_EXPORT_MODULE(kSpecific);
