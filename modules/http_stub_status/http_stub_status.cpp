// http_stub_status: a page with the numbers of connections and requests, and the same as variables.
//   location = /status { stub_status; }      $connections_active $connections_reading …
#include <sluice/http/worker.h>
#include <sluice/sdk.h>

namespace {

using namespace sluice;
using http::SharedCounters;
using http::Verdict;

constexpr size_t kRoomForPage = 256;
constexpr size_t kRoomForNumber = 20;

/// Connections between two requests.
uint64_t waiting() {
    const SharedCounters& counters = http::shared_counters();
    const uint64_t busy = counters.reading.load() + counters.writing.load();
    const uint64_t active = counters.active.load();
    return active > busy ? active - busy : 0;
}

Verdict answer(http::Request& request) {
    if (request.method != http::Method::get && request.method != http::Method::head) return Verdict::respond(405);
    request.body.discard();
    const SharedCounters& counters = http::shared_counters();
    TextBuilder page(request.arena().make_bytes(kRoomForPage));
    page.add("Active connections: ", counters.active.load(), " \n");
    page.add("server accepts handled requests\n ", counters.accepted.load(), ' ', counters.handled.load(), ' ',
             counters.requests.load(), " \n");
    page.add("Reading: ", counters.reading.load(), " Writing: ", counters.writing.load(), " Waiting: ", waiting(),
             " \n");
    return request.respond_with(200, "text/plain", page.text());
}

Result<void> parse_stub_status(conf::Parser&, http::LocationConf& location, conf::Arguments) {
    location.content_handler.set(answer);
    return {};
}

constexpr std::array kDirectives{
    conf::action<http::LocationConf, parse_stub_status>(
        "stub_status", {.where = conf::Context::http_server | conf::Context::http_location,
                        .help = "answers with the numbers of connections and requests",
                        .arity = {0, 1},
                        .syntax = "[on]"}),
};

Text number_text(const http::Request& request, uint64_t number) {
    return TextBuilder(request.arena().make_bytes(kRoomForNumber)).add(number).text();
}

template <std::atomic<uint64_t> SharedCounters::*counter>
Text value(const http::Request& request) {
    return number_text(request, (http::shared_counters().*counter).load());
}

Text waiting_value(const http::Request& request) {
    return number_text(request, waiting());
}

constexpr std::array kVariables{
    http::Variable{.name = "connections_active", .get = value<&SharedCounters::active>, .cacheable = false},
    http::Variable{.name = "connections_reading", .get = value<&SharedCounters::reading>, .cacheable = false},
    http::Variable{.name = "connections_writing", .get = value<&SharedCounters::writing>, .cacheable = false},
    http::Variable{.name = "connections_waiting", .get = waiting_value, .cacheable = false},
};

constexpr http::Module kModule{
    .name = "http_stub_status",
    .directives = kDirectives,
    .variables = kVariables,
};

}  // namespace

SLUICE_EXPORT_MODULE(kModule);
