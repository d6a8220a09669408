// Refuses as an access module that asks for passwords does, without asking.
//   unauthorized on;
#include <sluice/sdk.h>

namespace {
using namespace sluice;

struct Conf {
    Setting<bool> is_on;
};

http::Verdict refuse(http::Request& request) {
    return *request.conf<Conf>().is_on ? http::Verdict::respond(401) : http::Verdict::decline();
}

constexpr std::array kDirectives{
    conf::directive<&Conf::is_on>("unauthorized", {.where = http::anywhere, .initial = "off"}),
};
constexpr std::array kPhases{http::PhaseHandler{http::Phase::access, refuse, 20}};

constexpr http::Module kModule{
    .name = "http_unauthorized",
    .location = conf::conf_type<Conf>(),
    .directives = kDirectives,
    .phases = kPhases,
};
}  // namespace

SLUICE_EXPORT_MODULE(kModule);
