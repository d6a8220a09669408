// http_mirror: sends copies of requests elsewhere; what is answered to them is dropped.
//   location / { mirror /mirror; proxy_pass http://backend; }
//   location = /mirror { internal; proxy_pass http://test_backend$request_uri; }
#include <sluice/sdk.h>

namespace {

using namespace sluice;
using http::Request;
using http::Subrequest;
using http::Verdict;

struct Conf {
    Setting<conf::Sequence<Text>> uris;
    Setting<bool> copies_body;
};

Result<void> parse_mirror(conf::Parser& parser, Setting<conf::Sequence<Text>>& uris, conf::Arguments words) {
    const bool is_off = words[0].text == "off";
    auto list = uris.is_here() ? *uris : conf::Sequence<Text>{};
    if (uris.is_here() && (is_off || list.empty())) return Error("\"mirror\" directive is duplicate");
    if (!is_off) list.append(parser.arena(), words[0].text);
    uris.set(list);
    return {};
}

constexpr std::array kDirectives{
    conf::custom<&Conf::uris, parse_mirror>("mirror", {.where = http::anywhere,
                                                       .initial = "off",
                                                       .help = "location that gets a copy of each request",
                                                       .arity = {1, 1},
                                                       .may_repeat = true,
                                                       .syntax = "uri | off"}),
    conf::directive<&Conf::copies_body>(
        "mirror_request_body",
        {.where = http::anywhere, .initial = "on", .help = "copies the request's body, too, which is read before"}),
};

bool start_copies(Request& request) {
    const auto& conf = request.conf<Conf>();
    for (const Text uri : *conf.uris) {
        Subrequest* copy =
            Subrequest::start(request, uri, request.args, nullptr, {.is_background = true, .is_copy = true});
        if (copy == nullptr) return false;
        if (!*conf.copies_body) copy->request().headers.remove(http::KnownHeader::content_length);
    }
    return true;
}

void on_body_collected(Request& request, uint16_t status) {
    if (status != 0) {
        request.finish(status);
    } else {
        request.resume(start_copies(request) ? Verdict::decline() : Verdict::respond(500));
    }
}

Verdict mirror(Request& request) {
    const auto& conf = request.conf<Conf>();
    if (conf.uris->empty() || !request.is_main()) return Verdict::decline();
    if (*conf.copies_body && request.body.framing != http::RequestBody::Framing::none) {
        request.body.collect(request, on_body_collected);
        return Verdict::suspend();
    }
    return start_copies(request) ? Verdict::decline() : Verdict::respond(500);
}

constexpr std::array kPhases{http::PhaseHandler{http::Phase::precontent, mirror, 20}};

constexpr http::Module kModule{
    .name = "http_mirror",
    .location = conf::conf_type<Conf>(),
    .directives = kDirectives,
    .phases = kPhases,
};

}  // namespace

SLUICE_EXPORT_MODULE(kModule);
