// A stream module whose directive has the name of an HTTP one.
#include <array>

#include <sluice/core/conf/directive.h>
#include <sluice/core/module/descriptor.h>

namespace {
using namespace sluice;

struct StreamConf {
    Setting<uint32_t> value;
};
constexpr std::array kDirectives{
    conf::directive<&StreamConf::value>("versioned_value", {.where = conf::Context::stream_server}),
};
struct Specific {};
constexpr Specific kSpecific{};

constexpr module::Descriptor describe(const Specific& specific) {
    module::Descriptor made;
    made.name = "stream_twin";
    made.family = module::Family::stream;
    made.directives = kDirectives;
    made.conf_types[1] = conf::conf_type<StreamConf>();
    made.specific = &specific;
    return made;
}
}  // namespace

SLUICE_EXPORT_MODULE(kSpecific);
