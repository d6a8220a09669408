// Request: one exchange with a client: what was asked, the configuration in force, the answer being made. It lives in
// an arena of its own and is destroyed by its stream when the answer has left.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/base/arena.h"
#include "core/base/list.h"
#include "core/log/log.h"
#include "core/script/subject.h"
#include "event/chain.h"
#include "event/timer.h"
#include "http/body_source.h"
#include "http/conf_view.h"
#include "http/fields/method.h"
#include "http/filter.h"
#include "http/h1/version.h"
#include "http/headers.h"
#include "http/phase.h"
#include "http/request_body.h"
#include "http/response.h"
#include "http/state.h"
#include "http/stream.h"
#include "http/verdict.h"

namespace sluice::http {

class ServerConnection;
class HttpConf;
class CopyStep;
class Subrequest;
struct Server;
struct Location;

class Request final : public script::Subject, public LogContext {
 public:
    /// `arena` outlives the request; so do connection and stream.
    Request(Arena& arena, ServerConnection& connection, Stream& stream, const HttpConf& http);
    /// A subrequest's: asks for `uri` with GET, with the fields of `parent`, which outlives it.
    Request(Request& parent, Stream& stream, Text uri, Text args);
    ~Request();

    // What was asked. Texts live in the arena.
    Method method = Method::unknown;
    Version version = kHttp11;
    Text method_name;
    Text request_line;  ///< $request
    Text unparsed_uri;  ///< $request_uri: path and args as sent
    Text uri;           ///< $uri: decoded and normalised; internal redirects and rewrites change it
    Text args;          ///< $args, without the question mark
    Text
        parsed_uri;  ///< `uri` and `args` as the session found them: a proxy passes unparsed_uri on if they still are
    Text parsed_args;
    Text below_alias;  ///< what try_files found below the `alias` of a regex location, which is the whole path
                       ///< otherwise
    Text located_uri;  ///< the URI that the location was found by; what try_files has found takes its place, too
    Text protocol;     ///< $server_protocol as sent
    Text host;         ///< valid, lower case, without port; from the target, else from Host; empty: none
    Text host_port;    ///< digits of the port in Host or the target, may be empty
    Headers headers;
    Headers trailers;  ///< behind the body, complete when the body is; HTTP/1's are not kept
    RequestBody body;
    int64_t head_length = 0;  ///< bytes of request line, headers and chunks' framing ($request_length adds the body)
    /// As Field's, of the path that came by HTTP/2.
    bool is_path_never_indexed = false;

    Response response;

    // Where it belongs.
    ServerConnection& connection() const { return connection_; }
    Stream& stream() const { return *stream_; }
    const HttpConf& http() const { return http_; }
    Request& main() const { return *main_; }
    Request* parent() const { return parent_; }
    bool is_main() const { return main_ == this; }
    /// 0 for the main request, 1 for a subrequest of it.
    uint8_t depth() const { return depth_; }
    /// Loop time and wall time at which its first byte came.
    Msec started() const { return started_; }
    int64_t started_wall_msec() const { return started_wall_msec_; }

    // Configuration in force.
    /// The struct T of the server or location in force; of the level that T belongs to.
    template <class T>
    const T& conf() const {
        return *static_cast<const T*>(confs_.get(conf::slot_of<T>()));
    }
    const Server& server() const { return *server_; }
    const Location& location() const { return *location_; }
    void use_server(const Server& server);
    void use_location(const Location& location);

    // State of modules.
    template <class T>
    T* state() const {
        return static_cast<T*>(states_[state_slot_of<T>().index]);
    }
    template <class T, class... Args>
    T& make_state(Args&&... arguments) {
        T* made = arena().make<T>(std::forward<Args>(arguments)...);
        states_[state_slot_of<T>().index] = made;
        return *made;
    }

    // Walking the phases.
    /// Continues after Verdict::suspend(): as if the suspended handler had returned `verdict`. May destroy nothing at
    /// once: the request stays valid until the end of the loop's dispatch round.
    void resume(Verdict verdict);
    /// Starts anew at server_rewrite with another URI (`args` empty: none). At most 10 times, then 500 with nginx's
    /// log line.
    void redirect_internally(Text new_uri, Text new_args);
    /// Continues in the named location of the server in force, or 500 where there is none.
    void redirect_to_named(Text name);
    bool is_pipelined = false;    ///< it was sent before the answer to the one before
    bool is_internal = false;     ///< reached by a redirect, a rewrite or a subrequest: `internal` locations are open
    bool is_uri_changed = false;  ///< a rewrite changed the URI: post_rewrite looks for a location again
    /// Counts a rewrite or internal redirect; false when there were too many: the request has ended with 500, and the
    /// log tells which `step` to which `target` was one too many.
    bool count_uri_change(Text step, Text target);
    /// The engine's part of Verdict::resume_after().
    void sleep(Msec delay);
    bool is_error_page = false;  ///< error_page was asked, and does not apply again (recursive_error_pages)
    uint16_t error_status = 0;   ///< the status that led to error_page; the response keeps it
    bool expects_page = false;   ///< an upstream's error answer was intercepted

    // Answering.
    /// Runs the header filters. The head leaves with the first body, or with finish(). False: the request is over
    /// (the client is gone, or a filter answered otherwise): return Verdict::taken() or just return.
    bool send_header();
    /// Runs the body filters over `chain` and writes. `is_last` ends the response: call finish(0) next.
    OutputState output(event::Chain& chain, bool is_last);
    OutputState output_last();
    /// The copy step's: goes on behind it.
    OutputState output_bytes(event::Chain& chain, bool is_last);
    /// For a body hook that held data, or waited: goes on behind its stage. `pending`: it leaves later; whoever waits
    /// gets nothing more until then.
    OutputState continue_output(BodyStage stage, event::Chain& chain, bool is_last);
    /// The body of a subrequest on its way into this request's output, behind its filters.
    OutputState include(Subrequest& from, event::Chain& chain);
    /// Pulled whenever output has gone; null: nobody.
    void set_source(BodySource* source) { source_ = source; }
    BodySource* source() const { return source_; }
    void set_waiter(Waiter* waiter) { waiter_ = waiter; }
    /// Answers with a body in memory that lives as long as the request: sets status, type and length, sends head and
    /// body, finishes.
    Verdict respond_with(uint16_t status, Text content_type, Text body);
    /// Its head is read, or refused (for the counters of stub_status).
    void begin_answer();
    bool is_answering() const { return is_answering_; }
    /// The request's end. 0: the response was output; else the status that it ends with: an error page or built-in
    /// page when the head is not sent yet, a broken connection when it is.
    void finish(uint16_t status);
    bool is_finished() const { return is_finished_; }
    /// The connection stays open after this exchange as far as the request is concerned.
    bool keeps_alive = false;

    /// The part of the URI behind the last dot of the last segment.
    Text extension() const;

    /// Bytes a second that limit_rate, $limit_rate or X-Accel-Limit-Rate allow; 0: any.
    int64_t limit_rate() const;
    void set_limit_rate(Text value);
    int64_t limit_rate_after() const;
    int64_t head_bytes_sent = 0;  ///< of the response; in HTTP/2 all but what DATA frames carry
    /// Nothing is left to do once the answer is out: no post_action, and no subrequest that goes on.
    bool ends_with_answer() const;
    /// The whole response was handed over and has left.
    bool is_complete() const { return has_answer_left_ || was_post_action_begun_; }

    // From subrequests, to the main request.
    void add(Subrequest& subrequest);
    void remove(Subrequest& subrequest);
    void on_subrequest_over();

    // From the session.
    void on_output_gone();  ///< nothing is pending any more
    void on_client_gone();  ///< EOF or an error while the request runs
    /// It was told so; who begins to wait afterwards has to ask.
    bool is_client_gone() const { return is_client_gone_ && !was_post_action_begun_; }

    // For the engine.
    uint16_t phase_cursor = 0;
    uint16_t access_status = 0;       ///< `satisfy any`: the refusal to be given when no handler is content
    bool is_refusal_delayed = false;  ///< by `auth_delay`

    void describe(TextBuilder& line) const override;
    /// What is going on, for log lines: "reading client request headers".
    void set_action(Text action) { action_ = action; }
    /// Who adds to this request's log lines (an upstream: its address); null: nobody.
    void set_describer(const LogContext* describer) { describer_ = describer; }
    event::Timer& timer() { return timer_; }

 private:
    void on_timer();
    void complete();
    void give_up();
    bool has_post_action() const;
    void begin_post_action();
    bool has_subrequests() const { return subrequests_ != nullptr && !subrequests_->empty(); }
    OutputState filter_from(size_t first, event::Chain& chain, bool is_last);
    std::optional<OutputState> run_hooks(size_t first, size_t end, event::Chain& chain, bool is_last);
    OutputState write(event::Chain& chain, bool is_last);

    ServerConnection& connection_;
    Stream* stream_;
    const HttpConf& http_;
    Request* main_;
    Request* parent_ = nullptr;
    const Server* server_ = nullptr;
    const Location* location_ = nullptr;
    ConfView confs_;
    void** states_ = nullptr;
    BodySource* source_ = nullptr;
    CopyStep* copy_ = nullptr;  ///< made for the first file
    Waiter* waiter_ = nullptr;
    List<Subrequest, Subrequest>* subrequests_ = nullptr;  ///< the main request's that run; made for the first
    Subrequest* included_ = nullptr;                       ///< whose output is on its way, instead of ours
    event::Timer timer_;
    uint64_t active_filters_ = 0;
    Text action_;
    Msec started_;
    int64_t started_wall_msec_ = 0;
    const LogContext* describer_ = nullptr;
    mutable int64_t limit_rate_ = -1;  ///< -1: not evaluated yet
    mutable int64_t limit_rate_after_ = -1;
    uint32_t header_generation_ = 0;  ///< counts attempts to send a head, to notice one that was replaced
    uint8_t depth_ = 0;
    uint8_t uri_changes_left_ = 11;  ///< as nginx counts: rewrites and internal redirects together
    bool is_finished_ = false;
    bool is_answering_ = false;
    bool is_ending_ = false;          ///< finish(0) was called
    bool is_last_given_ = false;      ///< the end of the body was handed to the filters
    bool copies_files_ = false;       ///< what is behind the ranges takes bytes, not files
    bool is_filter_waiting_ = false;  ///< a body hook takes nothing more now
    bool is_last_output_ = false;     ///< the end of the body was handed to the writer
    bool is_client_gone_ = false;     ///< and whoever waited was told
    bool has_answer_left_ = false;    ///< all of it, to a client that was still there
    bool was_post_action_begun_ = false;
    bool was_head_written_ = false;  ///< the writer composed the head
};

}  // namespace sluice::http
