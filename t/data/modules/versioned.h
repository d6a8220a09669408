// A module that tells which of its versions it is: the tests replace one by the other under a server's feet.
//   versioned_value 5;      $versioned   $versioned_*
#pragma once

#include <array>

#include <sluice/core/conf/directive.h>
#include <sluice/core/module/descriptor.h>

namespace {
using namespace sluice;

struct LocationConf {
    Setting<uint32_t> value;
};

constexpr std::array kDirectives{
    conf::directive<&LocationConf::value>(
        "versioned_value", {.where = conf::Context::http | conf::Context::http_location, .initial = "7"}),
};

struct Specific {
    int (*version)();
};
constexpr Specific kSpecific{[] { return VERSION; }};

constexpr module::Descriptor describe(const Specific& specific) {
    module::Descriptor made;
    made.name = "http_versioned";
    made.family = module::Family::http;
    made.directives = kDirectives;
    made.conf_types[2] = conf::conf_type<LocationConf>();
    made.variable_count = 2;
    made.variable = [](const void*, size_t i) {
        return i == 0 ? module::VariableName{"versioned", false} : module::VariableName{"versioned_", true};
    };
    made.specific = &specific;
    return made;
}
}  // namespace

SLUICE_EXPORT_MODULE(kSpecific);
