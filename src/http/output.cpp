// Request's output: header filters, body filters by stage, then the writer.
#include <algorithm>
#include <utility>

#include "event/transport.h"
#include "http/conf/http_conf.h"
#include "http/conf/location_conf.h"
#include "http/copy_step.h"
#include "http/request.h"
#include "http/server_connection.h"
#include "http/subrequest.h"

namespace sluice::http {

void FilterChain::build(const std::vector<const Filter*>& filters) {
    header.clear();
    body.clear();
    uint8_t bit = 0;
    for (const Filter* filter : filters) {
        const Hook hook{filter, bit++};
        if (filter->header != nullptr) header.push_back(hook);
        if (filter->body != nullptr) body.push_back(hook);
    }
    std::stable_sort(header.begin(), header.end(),
                     [](const Hook& a, const Hook& b) { return a.filter->header_stage < b.filter->header_stage; });
    std::stable_sort(body.begin(), body.end(),
                     [](const Hook& a, const Hook& b) { return a.filter->body_stage < b.filter->body_stage; });
    header_of_subrequests.clear();
    for (const Hook& hook : header)
        if (!is_for_client(hook.filter->header_stage)) header_of_subrequests.push_back(hook);
    behind_inclusion =
        static_cast<size_t>(std::find_if(body.begin(), body.end(),
                                         [](const Hook& hook) { return hook.filter->body_stage > BodyStage::ssi; }) -
                            body.begin());
    behind_range = static_cast<size_t>(
        std::find_if(body.begin(), body.end(),
                     [](const Hook& hook) { return hook.filter->body_stage > BodyStage::range; }) -
        body.begin());
}

bool Request::send_header() {
    if (is_finished_) return false;
    if (response.is_header_sent) {
        log().alert(0, "header already sent");
        return false;
    }
    if (error_status != 0) {
        response.status = error_status;
        response.status_line = {};
    }
    if (method == Method::head) response.is_header_only = true;
    const uint32_t generation = ++header_generation_;
    for (const FilterChain::Hook& hook : is_main() ? http_.filters.header : http_.filters.header_of_subrequests) {
        switch (hook.filter->header(*this)) {
            case HeaderVerdict::skip: break;
            case HeaderVerdict::filter: active_filters_ |= uint64_t{1} << hook.bit; break;
            case HeaderVerdict::replace: return false;
        }
        if (is_finished_ || header_generation_ != generation) return false;
    }
    response.is_header_sent = true;
    const event::Transport* transport = connection_.transport().transport();
    copies_files_ = response.is_body_in_memory || !*conf<LocationConf>().sendfile ||
                    (transport != nullptr && !transport->sends_files()) || version >= kHttp2 ||
                    (!is_main() && parent_->copies_files_);
    return true;
}

OutputState Request::output(event::Chain& chain, bool is_last) {
    if (is_finished_) return OutputState::failed;
    SLUICE_LOG_DEBUG(log(), "http output: ", chain.size(), " bytes", is_last ? ", last" : "");
    is_last_given_ |= is_last;
    const size_t behind_range = http_.filters.behind_range;
    if (const auto ended = run_hooks(0, behind_range, chain, is_last)) return *ended;
    if (copies_files_ && !response.is_header_only) {
        if (copy_ == nullptr && chain.has_files()) copy_ = arena().make<CopyStep>(*this);
        if (copy_ != nullptr) return copy_->take(chain, is_last);
    }
    return output_bytes(chain, is_last);
}

OutputState Request::output_last() {
    event::Chain nothing;
    return output(nothing, true);
}

OutputState Request::output_bytes(event::Chain& chain, bool is_last) {
    return filter_from(http_.filters.behind_range, chain, is_last);
}

OutputState Request::filter_from(size_t first, event::Chain& chain, bool is_last) {
    if (is_finished_) return OutputState::failed;
    if (const auto ended = run_hooks(first, http_.filters.body.size(), chain, is_last)) return *ended;
    return write(chain, is_last);
}

/// The body hooks of a part of the stages. What the output ends with, if it does not go on behind them.
std::optional<OutputState> Request::run_hooks(size_t first, size_t end, event::Chain& chain, bool is_last) {
    if (active_filters_ == 0) return std::nullopt;
    const auto& hooks = http_.filters.body;
    for (size_t i = first; i < end; ++i) {
        if ((active_filters_ >> hooks[i].bit & 1U) == 0) continue;
        switch (hooks[i].filter->body(*this, chain, is_last)) {
            case BodyVerdict::go_on: break;
            case BodyVerdict::hold: return OutputState::sent;
            case BodyVerdict::wait: is_filter_waiting_ = true; return OutputState::pending;
            case BodyVerdict::failed: finish(500); return OutputState::failed;
        }
    }
    return std::nullopt;
}

// The hook's own call may be on the stack, and then that of the source: both learn from `wait` and `hold` that they
// go on later.
OutputState Request::continue_output(BodyStage stage, event::Chain& chain, bool is_last) {
    const auto& hooks = http_.filters.body;
    size_t next = 0;
    while (next < hooks.size() && hooks[next].filter->body_stage <= stage) ++next;
    const bool was_waiting = std::exchange(is_filter_waiting_, false);
    const OutputState state = filter_from(next, chain, is_last);
    if (state == OutputState::sent && (was_waiting || (is_ending_ && is_last_output_))) on_output_gone();
    return is_finished_ ? OutputState::failed : state;
}

OutputState Request::include(Subrequest& from, event::Chain& chain) {
    if (is_finished_) return OutputState::failed;
    const bool must_wait = stream_->has_pending_output(*this);  // what came before it has not gone
    if (must_wait) from.hold(chain);
    const OutputState state =
        must_wait ? OutputState::pending : filter_from(http_.filters.behind_inclusion, chain, false);
    if (state == OutputState::pending) included_ = &from;
    return state;
}

OutputState Request::write(event::Chain& chain, bool is_last) {
    is_last_output_ |= is_last;
    if (response.is_header_only) chain.clear();
    if (!was_head_written_) {
        was_head_written_ = true;
        return stream_->send_head(*this, chain, is_last);
    }
    if (chain.empty() && !is_last) return OutputState::sent;
    return stream_->send_body(*this, chain, is_last);
}

}  // namespace sluice::http
