// A module that needs the answer of another location as bytes.
//   collect URI;  answers with that answer's status, "whole" or "broken", its size and its bytes
#include <sluice/sdk.h>

namespace {
using namespace sluice;
using http::Request;
using http::Verdict;

struct Conf {
    Setting<Text> uri;
};

class Collected final : public http::CollectedAnswer {
 public:
    explicit Collected(Request& request) : request_(request) {}
    void on_collected(http::Subrequest& subrequest) override {
        char room[64];
        TextBuilder line(room);
        line.add(subrequest.request().response.status, subrequest.has_failed() ? " broken " : " whole ",
                 body().size());
        request_.resume(request_.respond_with(200, "text/plain", request_.arena().concat(line.text(), "\n", body())));
    }

 private:
    Request& request_;
};

Verdict collect(Request& request) {
    auto* collected = request.arena().make<Collected>(request);
    return collected->start(request, *request.conf<Conf>().uri, {}, {}) != nullptr ? Verdict::suspend()
                                                                                   : Verdict::respond(500);
}

Result<void> parse_collect(conf::Parser& parser, Setting<Text>& uri, conf::Arguments words) {
    parser.conf<http::LocationConf>().content_handler.set(collect);
    uri.set(words[0].text);
    return {};
}

constexpr std::array kDirectives{conf::custom<&Conf::uri, parse_collect>(
    "collect", {.where = conf::Context::http_location, .arity = {1, 1}, .syntax = "uri"})};

constexpr http::Module kModule{
    .name = "http_collecting",
    .location = conf::conf_type<Conf>(),
    .directives = kDirectives,
};
}  // namespace

SLUICE_EXPORT_MODULE(kModule);
