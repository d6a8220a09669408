// http_ticker: answers with server-sent events, one each interval: a clock for pages, a touchstone for proxies.
//   location = /ticks { ticker;  ticker_interval 1s;  ticker_count 60; }      $ticker_clients
#include <sluice/sdk.h>

// A content handler that waits. Nothing blocks: the handler starts a Ticker and returns; from then on the loop calls
// the Ticker when its time has come, when the client has taken the event before, or when the client is gone. The
// Ticker lives in the request's memory, so that however the request ends, its destructor disarms the timer.

namespace {

using namespace sluice;
using http::OutputState;
using http::Request;
using http::Verdict;

struct Conf {
    Setting<Msec> interval;
    Setting<uint32_t> count;
};

/// In this worker: workers share nothing unless they ask for shared memory.
constinit uint32_t clients = 0;

class Ticker final : public http::BodySource, public http::Waiter {
 public:
    explicit Ticker(Request& request) : request_(request), timer_(event::Timer::call<&Ticker::on_time>, this) {
        ++clients;
    }
    ~Ticker() { --clients; }

    /// The head leaves at once; the first event comes after an interval.
    void start() {
        request_.set_source(this);
        request_.set_waiter(this);
        event::Chain nothing;
        wait_unless_pending(request_.output(nothing, false));
    }

    /// All that was output has left: a client that does not read gets no further events piled up.
    void pull(Request&) override { wait(); }

    void on_client_gone(Request& request) override {
        request.log().info("client prematurely closed connection");
        request.finish(http::kStatusClientClosed);
    }

 private:
    void wait() { timer_.arm(request_.connection().loop(), *request_.conf<Conf>().interval); }

    /// What to do after an output. Failed: the request has ended, and this object with it.
    void wait_unless_pending(OutputState state) {
        if (state == OutputState::sent) wait();
    }

    void on_time() {
        // The text may be written anew: nothing is pending while the timer runs, the last event has left.
        TextBuilder event(text_);
        event.add("id: ", ++sent_, "\ndata: ", log::Clock::iso8601(), "\n\n");
        const bool is_last = sent_ == *request_.conf<Conf>().count;
        event::Chain chain;
        chain.add(request_.arena(), event.text());
        const OutputState state = request_.output(chain, is_last);
        if (!is_last) return wait_unless_pending(state);
        if (state != OutputState::failed) request_.finish(0);
    }

    Request& request_;
    event::Timer timer_;
    uint32_t sent_ = 0;
    std::array<char, 64> text_{};
};

Verdict answer(Request& request) {
    if (request.method != http::Method::get && request.method != http::Method::head) return Verdict::respond(405);
    request.body.discard();
    http::Response& response = request.response;
    response.status = 200;
    response.content_type = "text/event-stream";
    response.headers.add(request.arena(), http::KnownHeader::cache_control, "no-cache");
    if (!request.send_header()) return Verdict::taken();
    if (response.is_header_only) {
        request.finish(0);
    } else {
        request.make_state<Ticker>(request).start();
    }
    return Verdict::taken();  // the rest comes later
}

Result<void> parse_ticker(conf::Parser&, http::LocationConf& location, conf::Arguments) {
    location.content_handler.set(answer);
    return {};
}

constexpr std::array kDirectives{
    conf::action<http::LocationConf, parse_ticker>(
        "ticker",
        {.where = conf::Context::http_location, .help = "answers with an event each interval", .arity = {0, 0}}),
    conf::directive<&Conf::interval>(
        "ticker_interval", {.where = http::anywhere, .initial = "1s", .help = "time from one event to the next"}),
    conf::directive<&Conf::count>("ticker_count", {.where = http::anywhere,
                                                   .initial = "60",
                                                   .help = "events after which the answer ends",
                                                   .range = {1, 1'000'000}}),
};

Text clients_text(const Request& request) {
    return TextBuilder(request.arena().make_bytes(10)).add(clients).text();
}

constexpr std::array kVariables{http::Variable{.name = "ticker_clients", .get = clients_text, .cacheable = false}};

constexpr http::Module kModule{
    .name = "http_ticker",
    .location = conf::conf_type<Conf>(),
    .directives = kDirectives,
    .variables = kVariables,
    .state = http::state_type<Ticker>(),
};

}  // namespace

SLUICE_EXPORT_MODULE(kModule);
