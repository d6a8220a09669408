// http_not_modified: conditional requests (RFC 9110 §13): If-Match, If-Unmodified-Since (412), If-None-Match,
// If-Modified-Since (304), decided as nginx does.
#include "http/conf/location_conf.h"
#include "http/fields/date.h"
#include "http/fields/etag.h"
#include "http/module.h"
#include "http/modules.h"
#include "http/request.h"

namespace sluice::http {

namespace {

bool is_modified_since(const Request& request, Text value) {
    const IfModifiedSince mode = *request.conf<LocationConf>().if_modified_since;
    const time_t modified = request.response.last_modified;
    if (mode == IfModifiedSince::off || modified == Response::kNoTime) return true;
    const std::optional<Seconds> date = parse_http_date(value);
    if (!date) return true;
    return mode == IfModifiedSince::exact ? date->count != modified : date->count < modified;
}

/// A date that is none counts as passed, as in nginx.
bool is_unmodified_since(const Response& response, Text value) {
    if (response.last_modified == Response::kNoTime) return false;
    const std::optional<Seconds> date = parse_http_date(value);
    return date && date->count >= response.last_modified;
}

bool are_preconditions_met(const Request& request) {
    const Response& response = request.response;
    const Field* since = request.headers.find(KnownHeader::if_unmodified_since);
    if (since != nullptr && !is_unmodified_since(response, since->value)) return false;
    const Field* match = request.headers.find(KnownHeader::if_match);
    return match == nullptr || matches_etag_list(match->value, response.etag, EtagComparison::strong);
}

bool is_known_to_client(const Request& request) {
    const Field* since = request.headers.find(KnownHeader::if_modified_since);
    const Field* match = request.headers.find(KnownHeader::if_none_match);
    if (since == nullptr && match == nullptr) return false;
    if (since != nullptr && is_modified_since(request, since->value)) return false;
    return match == nullptr || matches_etag_list(match->value, request.response.etag, EtagComparison::weak);
}

HeaderVerdict judge_conditions(Request& request) {
    Response& response = request.response;
    if (response.status != 200 || response.is_unconditional) return HeaderVerdict::skip;
    if (!are_preconditions_met(request)) {
        request.finish(412);
        return HeaderVerdict::replace;
    }
    if (is_known_to_client(request)) {
        response.status = 304;
        response.status_line = {};
        response.content_type = {};
        response.clear_length();
        response.allows_ranges = false;
        response.is_header_only = true;
        response.headers.remove(KnownHeader::content_encoding);
    }
    return HeaderVerdict::skip;
}

constexpr std::array kFilters{Filter{.header_stage = HeaderStage::not_modified, .header = judge_conditions}};
constexpr Module kModule{.name = "http_not_modified", .filters = kFilters};

}  // namespace

constinit const module::Descriptor kNotModifiedModule = describe(kModule);

}  // namespace sluice::http
