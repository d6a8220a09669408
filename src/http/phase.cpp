// PhaseEngine: builds the flat table and walks requests along it.
//
//   start ─► walk ─► handler ─┬ decline ──► next entry
//                             ├ pass ─────► first entry of the next phase
//                             ├ respond ──► Request::finish
//                             ├ suspend, taken ──► the walk stops; resume() goes on
//                             └ resume_after ──► timer, then the next entry
#include "http/phase.h"

#include <algorithm>
#include <array>

#include "http/conf/http_conf.h"
#include "http/conf/location_conf.h"
#include "http/conf/location_table.h"
#include "http/path.h"
#include "http/request.h"

namespace sluice::http {

namespace {

constexpr size_t index_of(Phase phase) {
    return static_cast<size_t>(phase);
}

constexpr bool is_engine_phase(Phase phase) {
    return phase == Phase::find_config || phase == Phase::post_rewrite || phase == Phase::post_access;
}

constexpr std::array<Text, kPhases> kPhaseNames{"post read",    "server rewrite", "find config", "rewrite",
                                                "post rewrite", "preaccess",      "access",      "post access",
                                                "precontent",   "content",        "log"};

constexpr Text name_of(Verdict::Kind kind) {
    switch (kind) {
        case Verdict::Kind::decline: return "decline";
        case Verdict::Kind::pass: return "pass";
        case Verdict::Kind::respond: return "respond ";
        case Verdict::Kind::taken: return "taken";
        case Verdict::Kind::suspend: return "suspend";
        case Verdict::Kind::resume_after: return "timer, ms: ";
    }
    return {};
}

void trace(Request& request, Phase phase, Verdict verdict) {
    [[maybe_unused]] const auto name = kPhaseNames[index_of(phase)];
    if (verdict.kind() == Verdict::Kind::respond || verdict.kind() == Verdict::Kind::resume_after) {
        SLUICE_LOG_DEBUG(request.log(), name, " phase: ", request.phase_cursor, ": ", name_of(verdict.kind()),
                         verdict.delay().count);
    } else {
        SLUICE_LOG_DEBUG(request.log(), name, " phase: ", request.phase_cursor, ": ", name_of(verdict.kind()));
    }
}

/// No content handler wanted it: a folder without an index, or a URI that names nothing.
void refuse_unanswered(Request& request) {
    if (!request.uri.ends_with('/')) return request.finish(404);
    const Text path = path_of(request, request.uri);
    if (path.data() != nullptr) request.log().error(0, "directory index of \"", path, "\" is forbidden");
    request.finish(403);
}

}  // namespace

void PhaseEngine::build(std::span<const PhaseHandler> handlers) {
    std::vector<PhaseHandler> sorted(handlers.begin(), handlers.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](const PhaseHandler& a, const PhaseHandler& b) {
        return a.phase != b.phase ? a.phase < b.phase : a.order < b.order;
    });
    entries_.clear();
    log_handlers_.clear();
    size_t at = 0;
    for (size_t number = 0; number < kPhases; ++number) {
        const auto phase = static_cast<Phase>(number);
        first_[number] = static_cast<uint16_t>(entries_.size());
        if (is_engine_phase(phase)) entries_.push_back({phase, nullptr});
        for (; at < sorted.size() && sorted[at].phase == phase; ++at) {
            if (phase == Phase::log) {
                log_handlers_.push_back(sorted[at].run);
            } else {
                entries_.push_back({phase, sorted[at].run});
            }
        }
    }
}

void PhaseEngine::start(Request& request, Phase first) const {
    request.phase_cursor = first_of(first);
    walk(request);
}

void PhaseEngine::resume(Request& request, Verdict verdict) const {
    const bool is_in_table = request.phase_cursor < entries_.size();  // else: the location's own content handler
    const bool goes_on =
        is_in_table ? apply(request, entries_[request.phase_cursor], verdict) : apply_content(request, verdict);
    if (goes_on) walk(request);
}

void PhaseEngine::run_log(Request& request) const {
    if (request.is_main()) request.set_action("logging request");
    for (const Handler handler : log_handlers_) static_cast<void>(handler(request));
}

void PhaseEngine::walk(Request& request) const {
    while (!request.is_finished()) {
        if (request.phase_cursor >= entries_.size()) {
            refuse_unanswered(request);
            return;
        }
        const Entry& entry = entries_[request.phase_cursor];
        bool goes_on = false;
        switch (entry.phase) {
            case Phase::find_config: goes_on = find_config(request); break;
            case Phase::post_rewrite: goes_on = post_rewrite(request); break;
            case Phase::post_access: goes_on = post_access(request); break;
            case Phase::content: goes_on = content(request, entry); break;
            case Phase::access:
                if (!request.is_main()) {
                    skip_phase(request);
                    goes_on = true;
                    break;
                }
                [[fallthrough]];
            case Phase::post_read:
            case Phase::server_rewrite:
            case Phase::rewrite:
            case Phase::preaccess:
            case Phase::precontent:
            case Phase::log: goes_on = apply(request, entry, entry.run(request)); break;
        }
        if (!goes_on) return;
    }
}

void PhaseEngine::skip_phase(Request& request) const {
    request.phase_cursor = first_of(static_cast<Phase>(index_of(entries_[request.phase_cursor].phase) + 1));
}

bool PhaseEngine::apply(Request& request, const Entry& entry, Verdict verdict) const {
    if (entry.phase == Phase::content) return apply_content(request, verdict);
    trace(request, entry.phase, verdict);
    switch (verdict.kind()) {
        case Verdict::Kind::suspend:
        case Verdict::Kind::taken: return false;
        case Verdict::Kind::resume_after: request.sleep(verdict.delay()); return false;
        case Verdict::Kind::decline: ++request.phase_cursor; return true;
        case Verdict::Kind::pass:
        case Verdict::Kind::respond: break;
    }
    if (entry.phase == Phase::access) return apply_access(request, verdict);
    if (verdict.kind() == Verdict::Kind::respond) {
        request.finish(verdict.status());
        return false;
    }
    skip_phase(request);
    return true;
}

// `satisfy all`: every handler must agree; a refusal ends the request. `satisfy any`: the first agreement is enough;
// refusals are remembered, 401 above 403 so that the client is asked for a password.
bool PhaseEngine::apply_access(Request& request, Verdict verdict) const {
    const bool is_any = *request.conf<LocationConf>().satisfy == Satisfy::any;
    if (verdict.kind() == Verdict::Kind::pass) {
        if (!is_any) {
            ++request.phase_cursor;
            return true;
        }
        request.access_status = 0;
        request.response.headers.remove(KnownHeader::www_authenticate);
        skip_phase(request);
        return true;
    }
    const uint16_t status = verdict.status();
    if (is_any && (status == 401 || status == 403)) {
        if (request.access_status != 401) request.access_status = status;
        ++request.phase_cursor;
        return true;
    }
    if (status == 401) {
        request.access_status = status;
        request.phase_cursor = first_of(Phase::post_access);
        return true;
    }
    request.finish(status);
    return false;
}

/// `auth_delay`: who tries passwords shall not learn by the time it takes how near they are. The walk then comes to
/// post_access again.
bool PhaseEngine::delays_refusal(Request& request) const {
    const Msec delay = *request.conf<LocationConf>().auth_delay;
    if (request.access_status != 401 || delay.count == 0 || request.is_refusal_delayed) return false;
    request.is_refusal_delayed = true;
    request.log().info("delaying unauthorized request");
    --request.phase_cursor;
    request.sleep(delay);
    return true;
}

bool PhaseEngine::find_config(Request& request) const {
    bool wants_slash = false;
    request.is_uri_changed = false;
    request.located_uri = request.uri;
    if (!find_location(request, wants_slash)) return false;
    const auto& core = request.conf<LocationConf>();
    SLUICE_LOG_DEBUG(request.log(), "using location \"", request.location().name, "\" of server \"",
                     request.server().name(), "\"");
    if (!request.is_internal && *core.is_internal) {
        request.finish(404);
        return false;
    }
    if (request.body.framing == RequestBody::Framing::length && core.client_max_body_size->count > 0 &&
        !request.body.is_discarded() && request.body.announced_length > core.client_max_body_size->count) {
        request.log().error(0, "client intended to send too large body: ", request.body.announced_length, " bytes");
        request.body.discard();
        request.finish(413);
        return false;
    }
    if (wants_slash) {
        const Text name = request.location().name;
        request.response.location =
            request.args.empty() ? name : request.arena().concat(name, Text("?"), request.args);
        request.finish(301);
        return false;
    }
    ++request.phase_cursor;
    return true;
}

bool PhaseEngine::post_rewrite(Request& request) const {
    if (!request.is_uri_changed) {
        ++request.phase_cursor;
        return true;
    }
    if (!request.count_uri_change("processing", request.uri)) return false;
    request.use_server(request.server());
    request.phase_cursor = first_of(Phase::find_config);
    return true;
}

bool PhaseEngine::post_access(Request& request) const {
    if (request.access_status != 0) {
        if (delays_refusal(request)) return false;
        const uint16_t status = request.access_status;
        request.is_refusal_delayed = false;
        if (status == 403) request.log().error(0, "access forbidden by rule");
        request.access_status = 0;
        request.finish(status);
        return false;
    }
    ++request.phase_cursor;
    return true;
}

bool PhaseEngine::content(Request& request, const Entry& entry) const {
    const auto& core = request.conf<LocationConf>();
    const Handler handler = core.content_handler.value != nullptr ? core.content_handler.value : entry.run;
    if (handler != entry.run) request.phase_cursor = static_cast<uint16_t>(entries_.size());
    return apply_content(request, handler(request));
}

// `decline` asks the next content handler; behind a location's own there is none.
bool PhaseEngine::apply_content(Request& request, Verdict verdict) const {
    trace(request, Phase::content, verdict);
    switch (verdict.kind()) {
        case Verdict::Kind::decline:
            if (request.phase_cursor < entries_.size()) ++request.phase_cursor;
            return true;
        case Verdict::Kind::respond: request.finish(verdict.status()); return false;
        case Verdict::Kind::resume_after: request.sleep(verdict.delay()); return false;
        case Verdict::Kind::pass:
        case Verdict::Kind::suspend:
        case Verdict::Kind::taken: return false;
    }
    return false;
}

}  // namespace sluice::http
