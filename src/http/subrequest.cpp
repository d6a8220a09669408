// Subrequest.
#include "http/subrequest.h"

#include "http/conf/http_conf.h"
#include "http/conf/location_conf.h"
#include "http/server_connection.h"

namespace sluice::http {

OutputState SubrequestOwner::on_subrequest_body(Subrequest& subrequest, event::Chain& body, bool) {
    return subrequest.parent().include(subrequest, body);
}

Subrequest::Subrequest(Request& parent, Text uri, Text args, SubrequestOwner* owner, const SubrequestOptions& options)
    : request_(parent, *this, uri, args),
      owner_(owner),
      task_(event::Task::call<&Subrequest::begin>, this),
      options_(options) {
    request_.response.is_header_only = !options.wants_body;
    request_.response.is_body_in_memory = options.in_memory;
    if (parent.is_client_gone() && !options.is_background) request_.on_client_gone();
    const bool has_body = parent.body.is_complete() && !parent.body.chain().empty();
    if (options.is_copy || (options.wants_body && has_body)) request_.body.share(parent.arena(), parent.body);
    if (!options.is_copy) return;
    request_.method = parent.method;
    request_.method_name = parent.method_name;
}

Subrequest* Subrequest::start(Request& parent, Text uri, Text args, SubrequestOwner* owner,
                              const SubrequestOptions& options) {
    if (parent.depth() >= kDeepest) {
        parent.log().error(0, "subrequests cycle while processing \"", uri, "\"");
        return nullptr;
    }
    auto* made = parent.arena().make<Subrequest>(parent, uri, args, owner, options);
    parent.main().add(*made);
    parent.connection().loop().defer(made->task_);
    return made;
}

void Subrequest::begin() {
    if (!request_.is_finished()) request_.http().phases.start(request_, Phase::server_rewrite);
}

OutputState Subrequest::send_head(Request& request, event::Chain& body, bool is_last) {
    return send_body(request, body, is_last);
}

OutputState Subrequest::send_body(Request&, event::Chain& body, bool is_last) {
    if (owner_ == nullptr || !options_.wants_body) {
        body.clear();
        return OutputState::sent;
    }
    if (body.empty() && !is_last) return OutputState::sent;
    const OutputState state = owner_->on_subrequest_body(*this, body, is_last);
    is_pending_ = state == OutputState::pending;
    return state;
}

void Subrequest::on_output_gone() {
    if (!held_.empty()) {
        event::Chain chain;
        chain.splice(held_);
        if (parent().include(*this, chain) != OutputState::sent) return;
    }
    is_pending_ = false;
    request_.on_output_gone();
}

void Subrequest::upgrade(Request& request, Tunnel&) {
    request.log().alert(0, "a subrequest can't switch protocols");
    request.finish(kStatusClientClosed);
}

void Subrequest::on_finished(Request&) {
    end();
}

void Subrequest::abort(Request&) {
    has_failed_ = true;
    end();
}

void Subrequest::end() {
    Request& main = request_.main();
    main.remove(*this);
    if (main.is_finished()) return;  // given up: nobody waits for it any more
    if (has_failed_ && request_.response.status == kStatusClientClosed && !options_.is_background) {
        main.finish(kStatusClientClosed);
        return;
    }
    if (*request_.conf<LocationConf>().log_subrequest) request_.http().phases.run_log(request_);
    if (owner_ != nullptr) owner_->on_subrequest_finished(*this);
    main.on_subrequest_over();
}

Bytes Subrequest::bytes_sent(const Request& request) const {
    return request.main().stream().bytes_sent(request.main());
}

}  // namespace sluice::http
