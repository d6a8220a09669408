// A real HTTP module, of which tests replace one version by the other under a server's feet.
//   answering;          answers with the version
//   answering_delay 50ms;  answering_late;     waits in the access phase, or in the content phase and then has
//   nothing
#pragma once

#include <sluice/sdk.h>

namespace {
using namespace sluice;
using http::Verdict;

struct Conf {
    Setting<Msec> delay;
};

Verdict answer(http::Request& request) {
    return request.respond_with(200, "text/plain", VERSION);
}
Verdict wait_first(http::Request& request) {
    const auto& conf = request.conf<Conf>();
    return conf.delay.is_set() ? Verdict::resume_after(*conf.delay) : Verdict::decline();
}
Verdict wait_and_give_up(http::Request& request) {
    return Verdict::resume_after(*request.conf<Conf>().delay);
}

template <http::Handler handler>
Result<void> answer_by(conf::Parser&, http::LocationConf& location, conf::Arguments) {
    location.content_handler.set(handler);
    return {};
}

constexpr conf::Options kHandler{.where = conf::Context::http_location, .arity = {0, 0}};
constexpr std::array kDirectives{
    conf::action<http::LocationConf, answer_by<answer>>("answering", kHandler),
    conf::action<http::LocationConf, answer_by<wait_and_give_up>>("answering_late", kHandler),
    conf::directive<&Conf::delay>("answering_delay", {.where = http::anywhere}),
};
constexpr std::array kPhases{http::PhaseHandler{http::Phase::access, wait_first, 5}};
constexpr std::array kVariables{
    http::Variable{.name = "answering_version", .get = [](const http::Request&) { return Text(VERSION); }}};

constexpr http::Module kModule{
    .name = "http_answering",
    .location = conf::conf_type<Conf>(),
    .directives = kDirectives,
    .variables = kVariables,
    .phases = kPhases,
};
}  // namespace

SLUICE_EXPORT_MODULE(kModule);
