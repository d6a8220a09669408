// h1::Session: HTTP/1 on a client's connection (RFC 9112): one exchange after the other, heads and bodies cut out of
// the bytes that arrive, responses written.
//
//   idle ─first byte─► head ─complete─► exchange ─finished─┬─ kept alive ─► idle (or head: pipelined)
//                       │                    ▲             ├─ body not read yet ─► draining ─► idle
//                       └─malformed: 4xx─────┘             └─ closing ─► lingering ─► closed
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/arena.h"
#include "event/loop.h"
#include "http/session.h"
#include "http/stream.h"

namespace sluice::http {
struct LocationConf;
struct Server;
}  // namespace sluice::http

namespace sluice::http::h1 {

struct Exchange;

class Session final : public http::Session, public Stream {
 public:
    explicit Session(ServerConnection& connection);
    ~Session() override;

    // http::Session
    void on_received(event::Received& received) override;
    void on_sent() override;
    void on_peer_closed() override;
    void on_failed(const Error& error) override;
    void on_timer() override;
    void shut_down() override;
    void describe(TextBuilder& line) const override;

    // Stream
    OutputState send_head(Request& request, event::Chain& body, bool is_last) override;
    OutputState send_body(Request& request, event::Chain& body, bool is_last) override;
    void send_interim(Request& request, uint16_t status, const Headers& fields) override;
    void start_body(Request& request) override;
    void pause_body(Request& request) override;
    void resume_body(Request& request) override;
    void on_finished(Request& request) override;
    void abort(Request& request) override;
    Bytes bytes_sent(const Request& request) const override;
    bool has_pending_output(const Request& request) const override;
    void upgrade(Request& request, Tunnel& tunnel) override;
    void pause_tunnel(Request& request, bool paused) override;

 private:
    friend struct Exchange;
    enum class State : uint8_t { idle, head, exchange, draining, tunnel, lingering, closed };

    // Reading (session.cpp, session_head.cpp)
    void take(Text bytes);
    void begin_head();
    Text read_head(Text bytes);
    bool grow_head_buffer();
    bool store_first_line();
    bool store_header();
    void refuse(uint16_t status, Text why);
    void show_first_line();
    void refuse_malformed();
    void refuse_oversized();
    void begin_exchange(Text behind);
    bool settle_host(Text name, Text value);
    bool settle_framing();
    bool settle_target();
    bool judge_beginning(Text behind);
    bool settle_expectation();
    void settle_persistence();
    void keep_ahead(Text bytes);
    bool has_ahead() const { return ahead_ != nullptr; }
    std::unique_ptr<std::string> take_ahead() { return std::move(ahead_); }
    Text take_body(Text bytes);

    // Writing (session_output.cpp)
    OutputState transmit(Request& request, event::Chain& chain);
    OutputState send_now(Request& request, event::Chain& chain);
    bool prepare_files(Request& request);
    OutputState transmit_limited(Request& request);
    void go_on_limited();
    void await_body(Request& request);
    bool decide_persistence(Request& request);
    void announce_end(const Request& request, bool is_last);
    void frame_chunk(event::Chain& chain, bool is_last);
    void begin_send_timer(Msec longest);
    void on_send_timer();
    void on_rate_timer();

    // Ending (session.cpp)
    void leave();
    void end_head(uint16_t status, int error, Text why);
    bool may_go_on_alone() const;
    bool may_still_listen() const;
    void lose_body();
    void settle();
    void end_exchange();
    void next_exchange();
    void linger();
    void begin_discarding(const LocationConf& core);
    void go_on_discarding();
    void wait_or_close();
    void close();
    void discard_request();

    ServerConnection& connection_;
    Arena arena_;                         ///< of the exchange; empty while idle
    Exchange* exchange_ = nullptr;        ///< in `arena_`; null while idle and lingering
    std::unique_ptr<std::string> ahead_;  ///< pipelined bytes that wait for the exchange to end; null: none
    event::Task settle_task_;
    State state_ = State::idle;
    uint8_t depth_ = 0;              ///< calls of ours on the stack
    bool is_over_ : 1 = false;       ///< the exchange is finished; settle() ends it
    bool resets_ : 1 = false;        ///< the close is a reset (reset_timedout_connection, return 444)
    bool is_broken_ : 1 = false;     ///< aborted: the connection closes without ceremony
    bool is_pipelined_ : 1 = false;  ///< the next head came behind an earlier request
    bool peer_closed_ : 1 = false;
    bool awaits_end_ : 1 = false;   ///< the end was announced; what it means for requests is seen when it comes
    uint32_t longest_silence_ = 0;  ///< milliseconds: lingering_timeout while draining or lingering
    Msec discards_until_{};         ///< when lingering_time is over; 0: nothing is discarded
};

}  // namespace sluice::http::h1
