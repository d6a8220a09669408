// Request: configuration in force, redirects, suspension and the end of an exchange.
#include "http/request.h"

#include <utility>

#include "core/log/line_parts.h"
#include "event/loop.h"
#include "http/conf/http_conf.h"
#include "http/conf/location_conf.h"
#include "http/conf/server_conf.h"
#include "http/copy_step.h"
#include "http/muted_stream.h"
#include "http/server_connection.h"
#include "http/special_response.h"
#include "http/subrequest.h"
#include "http/uri/normalize.h"
#include "http/worker.h"

namespace sluice::http {

Request::Request(Arena& arena, ServerConnection& connection, Stream& stream, const HttpConf& http)
    : script::Subject(arena, http.variables),
      connection_(connection),
      stream_(&stream),
      http_(http),
      main_(this),
      timer_(event::Timer::call<&Request::on_timer>, this) {
    states_ = arena.make_array<void*>(http.state_count).data();
    log() = connection.log();
    log().set_context(this);
    const event::Loop& loop = connection.loop();
    started_ = loop.now();
    started_wall_msec_ = loop.wall_msec();
    confs_.use(conf::Level::main, http.main_confs->table());
    ++shared_counters().requests;
    ++shared_counters().reading;
}

Request::Request(Request& parent, Stream& stream, Text new_uri, Text new_args)
    : script::Subject(parent.arena(), parent.http_.variables),
      connection_(parent.connection_),
      stream_(&stream),
      http_(parent.http_),
      main_(parent.main_),
      parent_(&parent),
      timer_(event::Timer::call<&Request::on_timer>, this) {
    share_variables(*main_);
    states_ = arena().make_array<void*>(http_.state_count).data();
    log() = connection_.log();
    log().set_context(this);
    started_ = connection_.loop().now();
    started_wall_msec_ = connection_.loop().wall_msec();
    depth_ = static_cast<uint8_t>(parent.depth_ + 1);
    method = Method::get;
    method_name = "GET";
    version = parent.version;
    uri = new_uri;
    args = new_args;
    protocol = parent.protocol;
    host = parent.host;
    host_port = parent.host_port;
    for (const Field& field : parent.headers) headers.add(arena(), field);
    is_internal = true;
    confs_.use(conf::Level::main, http_.main_confs->table());
    use_server(*parent.server_);
}

Request::~Request() {
    if (!is_main()) return;
    --(is_answering_ ? shared_counters().writing : shared_counters().reading);
}

void Request::begin_answer() {
    is_answering_ = true;
    --shared_counters().reading;
    ++shared_counters().writing;
}

void Request::use_server(const Server& server) {
    server_ = &server;
    confs_.use(conf::Level::server, server.confs.table());
    use_location(server.root);
}

void Request::use_location(const Location& location) {
    location_ = &location;
    below_alias = {};
    confs_.use(conf::Level::location, location.confs.table());
    const auto& core = conf<LocationConf>();
    log().set_route(*core.error_log);
    if (core.limit_except != nullptr && (core.limit_except_methods >> static_cast<unsigned>(method) & 1U) == 0)
        use_location(*core.limit_except);
}

void Request::sleep(Msec delay) {
    SLUICE_LOG_DEBUG(log(), "http request timer: ", delay.count);
    timer_.arm(connection_.loop(), delay);
}

void Request::on_timer() {
    resume(Verdict::decline());
}

void Request::resume(Verdict verdict) {
    if (!is_finished_) http_.phases.resume(*this, verdict);
}

bool Request::count_uri_change(Text step, Text target) {
    if (--uri_changes_left_ != 0) return true;
    log().error(0, "rewrite or internal redirection cycle while ", step, " \"", target, "\"");
    uri_changes_left_ = 1;
    finish(500);
    return false;
}

void Request::redirect_internally(Text new_uri, Text new_args) {
    uri = new_uri;
    args = new_args;
    if (!count_uri_change("internally redirecting to", uri)) return;
    SLUICE_LOG_DEBUG(log(), "internal redirect: \"", uri, "?", args, "\"");
    body.hand_on();
    is_internal = true;
    is_uri_changed = false;
    use_server(*server_);
    http_.phases.start(*this, Phase::server_rewrite);
}

void Request::redirect_to_named(Text name) {
    if (!count_uri_change("redirect to named location", name)) return;
    const Location* named = server_->find_named(name);
    if (named == nullptr) {
        log().error(0, "could not find named location \"", name, "\"");
        finish(500);
        return;
    }
    body.hand_on();
    is_internal = true;
    is_uri_changed = false;
    use_location(*named);
    http_.phases.start(*this, Phase::rewrite);
}

// finish() is the only way out: of phases, handlers, filters and sessions.
void Request::finish(uint16_t status) {
    if (is_finished_) return;
    SLUICE_LOG_DEBUG(log(), "http finalize request: ", status, ", \"", uri, "\"");
    timer_.disarm();
    if (status == kStatusClientClosed || status == kStatusCloseSilently || status == kStatusTimedOut) {
        if (response.status == 0 || !response.is_header_sent) response.status = status;
        give_up();
        return;
    }
    if (status != 0 && response.is_header_sent) {
        // Too late for another answer: a broken message tells the client that this one is not complete.
        give_up();
        return;
    }
    if (status != 0) {
        source_ = nullptr;
        waiter_ = nullptr;
        answer_with_status(*this, status);
        return;
    }
    complete();
}

void Request::give_up() {
    is_finished_ = true;
    source_ = nullptr;
    waiter_ = nullptr;
    stream_->abort(*this);
}

void Request::add(Subrequest& subrequest) {
    if (subrequests_ == nullptr) subrequests_ = arena().make<List<Subrequest, Subrequest>>();
    subrequests_->push_back(subrequest);
}

void Request::remove(Subrequest& subrequest) {
    subrequest.unlink();
}

void Request::on_subrequest_over() {
    if (is_ending_ && !is_finished_ && !has_subrequests()) complete();
}

/// nginx: the request walks on to a location that hears of it when its answer has left; the log is written behind it.
void Request::begin_post_action() {
    was_post_action_begun_ = true;
    stream_ = arena().make<MutedStream>(*stream_);
    response.is_header_sent = was_head_written_ = false;
    is_ending_ = is_last_given_ = is_last_output_ = false;
    is_error_page = false;
    error_status = 0;
    active_filters_ = 0;
    copy_ = nullptr;
    Text target = *conf<LocationConf>().post_action;
    if (target.starts_with('@')) return redirect_to_named(target);
    const Text path = text::split_off(target, '?');
    redirect_internally(path, target);
}

void Request::complete() {
    if (!response.is_header_sent) {
        // A handler that had nothing to say.
        give_up();
        return;
    }
    is_ending_ = true;
    if (!is_last_given_ && output_last() == OutputState::failed) return;
    if (is_finished_) return;
    source_ = nullptr;
    waiter_ = nullptr;
    // on_output_gone() comes back here, from the stream or from a stage that still has something.
    if (!is_last_output_ || stream_->has_pending_output(*this)) return;
    has_answer_left_ = true;
    if (is_main()) {
        if (!was_post_action_begun_ && has_post_action()) return begin_post_action();
        if (has_subrequests()) return;
    }
    is_finished_ = true;
    stream_->on_finished(*this);
}

/// `off` is for a location that takes back what its server has.
bool Request::has_post_action() const {
    const Text target = *conf<LocationConf>().post_action;
    return !target.empty() && target != "off";
}

bool Request::ends_with_answer() const {
    return !has_subrequests() && !has_post_action();
}

void Request::on_output_gone() {
    if (included_ != nullptr) return std::exchange(included_, nullptr)->on_output_gone();
    if (is_finished_ || is_filter_waiting_) return;
    if (copy_ != nullptr && copy_->on_gone() != OutputState::sent) return;
    if (is_last_output_) {
        complete();
        return;
    }
    if (source_ != nullptr) source_->pull(*this);
}

void Request::on_client_gone() {
    if (is_finished_ || was_post_action_begun_) return;
    is_client_gone_ = true;
    if (waiter_ != nullptr) {
        waiter_->on_client_gone(*this);
    } else if (timer_.is_armed()) {
        // Verdict::resume_after(): there is nobody left to go on for.
        log().info("client prematurely closed connection");
        finish(kStatusClientClosed);
    } else if (has_subrequests()) {
        // The one that waits for something ends, and all with it. Those that go on without the client do so.
        for (auto at = subrequests_->begin(); at != subrequests_->end() && !is_finished_;) {
            Subrequest& subrequest = *at;
            ++at;
            if (!subrequest.is_background()) subrequest.request().on_client_gone();
        }
    }
}

int64_t Request::limit_rate() const {
    if (limit_rate_ < 0) {
        limit_rate_ = conf<LocationConf>().limit_rate->evaluate(const_cast<Request&>(*this)).count;
    }
    return limit_rate_;
}

void Request::set_limit_rate(Text value) {
    limit_rate_ = sluice::conf::parse::to_bytes(value).value_or(Bytes{}).count;
}

int64_t Request::limit_rate_after() const {
    if (limit_rate_after_ < 0)
        limit_rate_after_ = conf<LocationConf>().limit_rate_after->evaluate(const_cast<Request&>(*this)).count;
    return limit_rate_after_;
}

Text Request::extension() const {
    return http::uri::extension_of(uri);
}

Verdict Request::respond_with(uint16_t status, Text content_type, Text body_text) {
    response.status = status;
    response.content_type = content_type;
    response.content_length = static_cast<int64_t>(body_text.size());
    if (!send_header()) return Verdict::taken();
    event::Chain chain;
    if (!response.is_header_only) chain.add(arena(), body_text);
    if (output(chain, true) != OutputState::failed) finish(0);
    return Verdict::taken();
}

void Request::describe(TextBuilder& line) const {
    if (!action_.empty()) line.add(" while ", action_);
    connection_.describe_peer(line);
    if (server_ != nullptr) log::add_field(line, "server", server_->name());
    if (!main_->request_line.empty()) log::add_quoted_field(line, "request", main_->request_line);
    if (!is_main()) log::add_quoted_field(line, "subrequest", uri);
    if (describer_ != nullptr) describer_->describe(line);
    if (const Field* field = main_->headers.find(KnownHeader::host))
        log::add_quoted_field(line, "host", field->value);
    if (const Field* field = main_->headers.find(KnownHeader::referer))
        log::add_quoted_field(line, "referrer", field->value);
}

}  // namespace sluice::http
