// Answer: from an upstream's fields to the response.
#include "http/upstream/answer.h"

#include "http/conf/location_conf.h"
#include "http/connection_names.h"
#include "http/fields/date.h"
#include "http/redirect.h"
#include "http/request.h"
#include "http/upstream/exchange.h"

namespace sluice::http::upstream {

namespace {

/// "text/html; charset=utf-8": the charset apart, for the filters that ask for types or change it.
void set_content_type(Response& response, Text value) {
    constexpr Text kCharset = "; charset=";
    const size_t at = value.find(kCharset);
    response.content_type = value;
    response.charset = {};
    if (at == Text::npos || value.find(';') != at) return;
    const Text charset = value.substr(at + kCharset.size());
    if (charset.empty() || charset.find_first_of("; \"") != Text::npos) return;
    response.content_type = value.substr(0, at);
    response.charset = charset;
}

/// For the conditional filters; the field itself goes on as it came.
void set_last_modified(Response& response, Text value) {
    const std::optional<Seconds> time = parse_http_date(value);
    if (time) response.last_modified = time->count;
}

/// To a client of HTTP/1 they go on, as with nginx.
ConnectionNames names_to_hide(Exchange& exchange) {
    const Request& request = exchange.request();
    if (request.version < kHttp2) return {};
    return {exchange.arena(), exchange.answer.headers};
}

class Passer {
 public:
    explicit Passer(Exchange& exchange)
        : exchange_(exchange),
          request_(exchange.request()),
          response_(exchange.request().response),
          of_connection_(names_to_hide(exchange)) {}

    void pass(const Field& field) {
        note(field);
        if (exchange_.conf().hidden->has(field) || of_connection_.has(field) || take_in(field)) return;
        response_.headers.add(request_.arena(), field);
    }

 private:
    bool ignores(IgnoredHeader which) const { return exchange_.conf().ignore_headers->has(which); }

    void add(const Field& field, Text value) {
        Field changed = field;
        changed.value = value;
        changed.next = nullptr;
        response_.headers.add(request_.arena(), changed);
    }

    /// What has an effect here, whether or not the client gets the field.
    void note(const Field& field) {
        switch (field.known) {
            case KnownHeader::x_accel_buffering:
                if (ignores(IgnoredHeader::x_accel_buffering) || !exchange_.conf().can_buffer) break;
                if (text::iequals(field.value, "no")) exchange_.is_buffered = false;
                if (text::iequals(field.value, "yes")) exchange_.is_buffered = true;
                break;
            case KnownHeader::x_accel_limit_rate:
                if (!ignores(IgnoredHeader::x_accel_limit_rate)) request_.set_limit_rate(field.value);
                break;
            case KnownHeader::x_accel_charset:
                if (!ignores(IgnoredHeader::x_accel_charset)) response_.charset = field.value;
                break;
            default: break;
        }
    }

    /// True when the field is dealt with and does not go on as it is.
    bool take_in(const Field& field) {
        switch (field.known) {
            case KnownHeader::connection:
            case KnownHeader::keep_alive:
            case KnownHeader::transfer_encoding:
            case KnownHeader::content_length: return true;
            case KnownHeader::content_type:
                set_content_type(response_, field.value);
                response_.is_content_type_never_indexed = field.is_never_indexed;
                return true;
            case KnownHeader::last_modified: set_last_modified(response_, field.value); return false;
            case KnownHeader::etag:
                // For the conditional filters; the field keeps its place among the others.
                if (!response_.etag.empty()) return false;
                response_.etag = field.value;
                response_.is_etag_never_indexed = field.is_never_indexed;
                return false;
            case KnownHeader::accept_ranges: return response_.allows_ranges;
            case KnownHeader::location:
            case KnownHeader::refresh:
            case KnownHeader::set_cookie: return rewrite(field);
            default: return false;
        }
    }

    bool rewrite(const Field& field) {
        const Text value = exchange_.protocol().rewrite(exchange_, field);
        if (value.data() == nullptr) return false;
        // What will be made absolute has a place of its own in the head, as with nginx.
        if (field.known == KnownHeader::location && is_made_absolute(request_, value)) {
            response_.location = value;
            response_.is_location_never_indexed = field.is_never_indexed;
        } else {
            add(field, value);
        }
        return true;
    }

    Exchange& exchange_;
    Request& request_;
    Response& response_;
    ConnectionNames of_connection_;
};

}  // namespace

void Answer::settle_length(const Request& request) {
    if (has_no_body && request.method != Method::head && status >= 200 && status != 204 && status != 304)
        content_length = 0;
}

void pass_answer(Exchange& exchange) {
    Response& response = exchange.request().response;
    const Answer& answer = exchange.answer;
    response.is_unconditional = true;
    response.status = answer.status;
    response.status_line = answer.status_line;
    response.content_length = answer.content_length;
    if (*exchange.conf().force_ranges) {
        response.allows_ranges = true;
        response.single_range = true;
    }
    Passer passer(exchange);
    for (const Field& field : answer.headers) passer.pass(field);
}

void pass_early_hints(Exchange& exchange, const Headers& fields) {
    Request& request = exchange.request();
    if (!request.is_main() || !request.conf<LocationConf>().early_hints->any(request)) return;
    Headers passed;
    const ConnectionNames of_connection = names_to_hide(exchange);
    for (const Field& field : fields) {
        switch (field.known) {
            case KnownHeader::connection:
            case KnownHeader::keep_alive:
            case KnownHeader::transfer_encoding:
            case KnownHeader::content_length:
            case KnownHeader::upgrade: break;
            default:
                if (!exchange.conf().hidden->has(field) && !of_connection.has(field))
                    passed.add(request.arena(), field);
        }
    }
    request.stream().send_interim(request, 103, passed);
}

bool is_allowed_in_trailers(KnownHeader known) {
    switch (known) {
        case KnownHeader::content_length:
        case KnownHeader::transfer_encoding:
        case KnownHeader::connection:
        case KnownHeader::keep_alive:
        case KnownHeader::upgrade:
        case KnownHeader::host: return false;
        default: return true;
    }
}

void pass_kept_fields(Exchange& exchange) {
    Request& request = exchange.request();
    for (const Field& field : exchange.answer.headers) {
        switch (field.known) {
            case KnownHeader::content_type: set_content_type(request.response, field.value); break;
            case KnownHeader::set_cookie: {
                Field cookie = field;
                if (const Text value = exchange.protocol().rewrite(exchange, field); value.data() != nullptr)
                    cookie.value = value;
                cookie.next = nullptr;
                request.response.headers.add(request.arena(), cookie);
                break;
            }
            case KnownHeader::accept_ranges:
            case KnownHeader::cache_control:
            case KnownHeader::expires:
            case KnownHeader::content_disposition: request.response.headers.add(request.arena(), field); break;
            case KnownHeader::x_accel_limit_rate:
                if (!exchange.conf().ignore_headers->has(IgnoredHeader::x_accel_limit_rate))
                    request.set_limit_rate(field.value);
                break;
            default: break;
        }
    }
}

}  // namespace sluice::http::upstream
