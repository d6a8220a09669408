// Exchange: its beginning, the table of its steps, and time-outs.
#include "http/upstream/exchange.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/log/line_parts.h"
#include "event/loop.h"
#include "http/server_connection.h"

namespace sluice::http::upstream {

namespace {

/// What is sent may leave with the end of the turn only (io_uring), and that is no delay, not even for
/// `proxy_send_timeout 0`.
Msec longest_silence(const Conf& conf) {
    constexpr Msec kTurn{50};
    return std::max(*conf.send_timeout, kTurn);
}

/// How long an upstream may be silent whose client has said all it had to say through a tunnel.
constexpr Msec kLongestFarewell{5000};

}  // namespace

StateSlot Exchange::state_slot;

struct Exchange::Step {
    State state;
    Text action;  ///< for log lines: " while …"
    Setting<Msec> Conf::*timeout;
    void (Exchange::*received)(event::Received&);
    void (Exchange::*closed)();
};

// An answer may come before the request has left.
constexpr Exchange::Step Exchange::kSteps[] = {
    {State::waiting, "", nullptr, nullptr, nullptr},
    {State::connecting, "connecting to upstream", &Conf::connect_timeout, nullptr, nullptr},
    {State::handshaking, "SSL handshaking to upstream", &Conf::connect_timeout, nullptr, nullptr},
    // A place on a connection that others have made: as if the request had been sent.
    {State::greeting, "reading response header from upstream", &Conf::read_timeout, nullptr, nullptr},
    {State::sending, "sending request to upstream", &Conf::send_timeout, &Exchange::take_head,
     &Exchange::close_in_head},
    {State::reading_head, "reading response header from upstream", &Conf::read_timeout, &Exchange::take_head,
     &Exchange::close_in_head},
    {State::relaying, "reading upstream", &Conf::read_timeout, &Exchange::take_body, &Exchange::close_in_body},
    {State::tunnel, "proxying upgraded connection", &Conf::read_timeout, &Exchange::take_tunnel,
     &Exchange::close_tunnel},
    {State::ended, "sending to client", nullptr, nullptr, nullptr},
};

const Exchange::Step& Exchange::step() const {
    return kSteps[static_cast<size_t>(state_)];
}

Exchange::Exchange(Request& request, const Conf& conf, Protocol& protocol, const Group& group)
    : is_buffered(*conf.buffering),
      request_(request),
      conf_(conf),
      protocol_(protocol),
      group_(group),
      timer_(event::Timer::call<&Exchange::on_timer>, this),
      sends_(event::Timer::call<&Exchange::on_send_stalled>, this),
      flush_task_(event::Task::call<&Exchange::flush_gathered>, this),
      to_client_(request.arena()),
      to_upstream_(request.arena()) {}

Exchange::~Exchange() {
    if (opening_ != nullptr) opening_->leave(*this);
    if (channel_ != nullptr) channel_->close();
}

Verdict Exchange::run(Request& request, const Conf& conf, Protocol& protocol, const Group& group,
                      const Destination& destination) {
    const Exchange* earlier = request.state<Exchange>();
    Exchange& made = request.make_state<Exchange>(request, conf, protocol, group);
    if (earlier != nullptr) {
        made.first_try_ = earlier->first_try_;
        made.try_ = earlier->try_;
    }
    made.destination_ = destination;
    made.begin();
    return Verdict::taken();
}

void Exchange::begin() {
    request_.set_describer(this);
    request_.set_waiter(this);
    started_ = request_.connection().loop().now();
    settle_local();
    settle_security();
    selection_ = &group_.balancer->begin(request_);
    // It went when nobody waited yet: between two subrequests, say.
    if (request_.is_client_gone() && !*conf_.ignore_client_abort) {
        request_.log().info("client prematurely closed connection");
        return on_client_gone(request_);
    }
    RequestBody& body = request_.body;
    if (body.framing == RequestBody::Framing::none || body.is_discarded()) return next_try();
    streams_body_ =
        !*conf_.request_buffering && *conf_.pass_request_body && !destination_.collects_body && !body.is_complete();
    // Over HTTP/2 a server may say that it has not acted on a request, whatever that would do.
    remembers_body_ = streams_body_ && (destination_.sessions != nullptr || is_repeatable());
    if (streams_body_) return next_try();
    body.collect(request_,
                 [](Request& request, uint16_t status) { request.state<Exchange>()->on_body_collected(status); });
}

void Exchange::on_body_collected(uint16_t status) {
    if (status != 0) {
        end_with(status);
    } else {
        next_try();
    }
}

void Exchange::enter(State state) {
    state_ = state;
    name_action();
    arm_timer();
}

/// For log lines; whoever writes the response says that it is being sent.
void Exchange::name_action() {
    request_.set_action(step().action);
}

void Exchange::arm_timer() {
    if (step().timeout == nullptr) {
        timer_.disarm();
        return;
    }
    if (state_ == State::sending) {
        timer_.disarm();
        return watch_sending();
    }
    Msec time = *(conf_.*step().timeout);
    if (client_listens_) time = std::min(time, kLongestFarewell);
    timer_.arm(request_.connection().loop(), time);
}

/// Where HTTP/1 answers before it has read the request, it need not read the rest. HTTP/2 says so by a reset.
void Exchange::watch_sending() {
    if (state_ == State::sending || destination_.sessions != nullptr)
        sends_.begin(request_.connection().loop(), *channel_, longest_silence(conf_));
}

/// The answer may have begun.
void Exchange::on_send_stalled() {
    if (has_ended()) return;
    request_.set_action(kSteps[static_cast<size_t>(State::sending)].action);
    request_.log().error(ETIMEDOUT, "upstream timed out");
    channel_->on_timed_out(*conf_.send_timeout);
    if (state_ == State::sending) return fail(Failure::timeout);
    break_answer();
}

// The request may have ended without us: the client's connection broke.
bool Exchange::has_ended() {
    if (state_ == State::ended) return true;
    if (!request_.is_finished()) return false;
    abandon();
    return true;
}

void Exchange::on_timer() {
    if (is_rate_limited_) return limit_rate();
    if (has_ended()) return;
    // A slow client has a time of its own.
    if (state_ == State::tunnel && is_output_pending_) return arm_timer();
    // An idle tunnel is nobody's fault.
    const LogLevel level = state_ == State::tunnel ? LogLevel::info : LogLevel::error;
    request_.log().write(level, ETIMEDOUT, "upstream timed out");
    if (channel_ != nullptr) channel_->on_timed_out(*(conf_.*step().timeout));
    switch (state_) {
        case State::connecting:
        case State::handshaking:
        case State::greeting:
            fail(Failure::timeout, outcome_of(std::exchange(opening_, nullptr)->give_up(*this)));
            break;
        case State::reading_head: fail(Failure::timeout); break;
        case State::relaying: break_answer(); break;
        case State::tunnel: end_tunnel(); break;
        case State::sending:  // see on_send_stalled()
        case State::waiting:
        case State::ended: break;
    }
}

void Exchange::on_received(event::Received& received) {
    if (has_ended() || step().received == nullptr) return;
    try_->bytes_received += static_cast<int64_t>(received.bytes().size());
    (this->*step().received)(received);
}

// While paused, bytes may still follow: it is told again behind them.
void Exchange::on_peer_closed() {
    if (has_ended() || (channel_ != nullptr && channel_->is_paused())) return;
    (this->*step().closed)();
}

/// Whoever breaks the rules of HTTP/2 has sent no valid answer, be it on the connection (RFC 9113 §5.4.1).
Failure Exchange::failure_behind(const Error& error) {
    return error.source == ErrorSource::upstream ? Failure::invalid_header : Failure::error;
}

void Exchange::on_failed(const Error& error) {
    if (has_ended()) return;
    if (channel_ != nullptr && channel_->was_refused()) was_sent_ = false;
    if (is_stale()) return reconnect();
    request_.log().error(error.number, error.text);
    switch (state_) {
        case State::sending:
        case State::reading_head: fail(failure_behind(error)); break;
        case State::relaying: break_answer(); break;
        case State::tunnel: break_tunnel(); break;
        case State::waiting:
        case State::connecting:
        case State::handshaking:
        case State::greeting:
        case State::ended: break;
    }
}

void Exchange::on_client_gone(Request&) {
    if (state_ == State::ended || *conf_.ignore_client_abort) return;
    if (tried_ != 0)
        request_.log().info("client prematurely closed connection, so upstream connection is closed too");
    abandon();
    request_.finish(kStatusClientClosed);
}

void Exchange::describe(TextBuilder& line) const {
    // Until then there is no upstream.
    if (tried_ == 0) return;
    const Text name = peer_ != nullptr ? peer_->address.name : group_.host;
    log::add_quoted_field(line, "upstream", destination_.scheme, name, name.starts_with("unix:") ? ":" : "",
                          destination_.uri);
}

}  // namespace sluice::http::upstream
