// A whole module whose file says what it was built for, by MAJOR, MINOR, SIZE and COMPILER.
//   abi;      answers with "abi"
#pragma once

#include <cstddef>

#include <sluice/sdk.h>

namespace {
using namespace sluice;

http::Verdict answer(http::Request& request) {
    return request.respond_with(200, "text/plain", "abi");
}
Result<void> parse_abi(conf::Parser&, http::LocationConf& location, conf::Arguments) {
    location.content_handler.set(answer);
    return {};
}
constexpr std::array kDirectives{
    conf::action<http::LocationConf, parse_abi>("abi", {.where = conf::Context::http_location, .arity = {0, 0}}),
};
constexpr http::Module kModule{.name = "http_abi", .directives = kDirectives};

/// What lies at its end is not meant for a server that reads more than SIZE of it.
constexpr module::Descriptor described() {
    module::Descriptor made = describe(kModule);
    if (SIZE <= offsetof(module::Descriptor, specific_size)) made.specific_size = SIZE_MAX;
    return made;
}
constinit const module::Descriptor kDescriptor = described();
}  // namespace

extern "C" __attribute__((visibility("default")))
const module::Export sluice_module = {module::kMagic, SIZE, MAJOR, MINOR, COMPILER, &kDescriptor};
