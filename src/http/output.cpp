// Request's output: header filters, body filters by stage, then the writer; subrequests wait for their turn.
#include <algorithm>

#include "http/conf/http_conf.h"
#include "http/request.h"

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
    for (const FilterChain::Hook& hook : http_.filters.header) {
        switch (hook.filter->header(*this)) {
            case HeaderVerdict::skip: break;
            case HeaderVerdict::filter: active_filters_ |= uint64_t{1} << hook.bit; break;
            case HeaderVerdict::replace: return false;
        }
        if (is_finished_ || header_generation_ != generation) return false;
    }
    response.is_header_sent = true;
    return true;
}

OutputState Request::output(event::Chain& chain, bool is_last) {
    return filter_from(0, chain, is_last);
}

OutputState Request::output_last() {
    event::Chain nothing;
    return output(nothing, true);
}

OutputState Request::filter_from(size_t first, event::Chain& chain, bool is_last) {
    if (is_finished_) return OutputState::failed;
    if (active_filters_ != 0) {
        const auto& hooks = http_.filters.body;
        for (size_t i = first; i < hooks.size(); ++i) {
            if ((active_filters_ >> hooks[i].bit & 1U) == 0) continue;
            switch (hooks[i].filter->body(*this, chain, is_last)) {
                case BodyVerdict::go_on: break;
                case BodyVerdict::hold: return OutputState::sent;
                case BodyVerdict::failed: finish(500); return OutputState::failed;
            }
        }
    }
    return write(chain, is_last);
}

OutputState Request::continue_output(BodyStage stage, event::Chain& chain, bool is_last) {
    const auto& hooks = http_.filters.body;
    size_t next = 0;
    while (next < hooks.size() && hooks[next].filter->body_stage <= stage) ++next;
    return filter_from(next, chain, is_last);
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
