// The $upstream_* variables: one value per try, separated by commas, by colons between exchanges.
#include "http/upstream/variables.h"

#include "core/base/text_builder.h"
#include "http/fields/token_list.h"
#include "http/upstream/exchange.h"

namespace sluice::http::upstream {

namespace {

constexpr size_t kRoomPerTry = 128;

/// Behind the last try that variables know of. In a request that is being written, as by `proxy_set_header X
/// $upstream_status`, they are about the exchanges before it.
const Try* end_of(const Try* tries) {
    const Try* begin_of_last = tries;
    for (const Try* one = tries; one != nullptr; one = one->next) {
        if (one->is_new_exchange) begin_of_last = one;
        if (one->is_being_asked) return begin_of_last;
    }
    return nullptr;
}

template <class Write>
Text list(const Request& r, Write&& write) {
    const Exchange* exchange = r.state<Exchange>();
    const Try* end = exchange != nullptr ? end_of(exchange->tries()) : nullptr;
    if (exchange == nullptr || exchange->tries() == end) return {};
    size_t room = 0;
    for (const Try* one = exchange->tries(); one != end; one = one->next) room += kRoomPerTry;
    TextBuilder out(r.arena().make_bytes(room));
    for (const Try* one = exchange->tries(); one != end; one = one->next) {
        if (one != exchange->tries()) out.add(one->is_new_exchange ? Text(" : ") : Text(", "));
        write(out, *one);
    }
    return out.text();
}

void write_time(TextBuilder& out, int64_t msec) {
    if (msec < 0) {
        out.add("-");
        return;
    }
    out.add(msec / 1000, ".", Padded{static_cast<uint64_t>(msec % 1000), 3});
}

template <auto Field>
Text time_list(const Request& r) {
    return list(r, [](TextBuilder& out, const Try& one) { write_time(out, one.*Field); });
}
template <auto Field>
Text number_list(const Request& r) {
    return list(r, [](TextBuilder& out, const Try& one) { out.add(one.*Field); });
}

Text address(const Request& r) {
    return list(r, [](TextBuilder& out, const Try& one) { out.add(one.address); });
}
Text status(const Request& r) {
    return list(r, [](TextBuilder& out, const Try& one) {
        if (one.status != 0) {
            out.add(one.status);
        } else {
            out.add("-");
        }
    });
}
Text nothing(const Request&) {
    return {};
}

Text header(Request& r, Text suffix) {
    const Exchange* exchange = r.state<Exchange>();
    return exchange != nullptr ? exchange->headers().joined_of_variable(r.arena(), suffix, ", ") : Text{};
}

Text trailer(Request& r, Text suffix) {
    const Exchange* exchange = r.state<Exchange>();
    const Try* last = exchange != nullptr ? exchange->tries() : nullptr;
    while (last != nullptr && last->next != nullptr) last = last->next;
    return last != nullptr ? last->trailers.joined_of_variable(r.arena(), suffix, ", ") : Text{};
}

Text cookie(Request& r, Text suffix) {
    const Exchange* exchange = r.state<Exchange>();
    if (exchange == nullptr) return {};
    for (const Field& field : exchange->headers()) {
        if (field.known != KnownHeader::set_cookie) continue;
        const Text pair = text::trim(field.value.substr(0, field.value.find(';')));
        const size_t equals = pair.find('=');
        if (equals != Text::npos && text::iequals(pair.substr(0, equals), suffix)) return pair.substr(equals + 1);
    }
    return {};
}

}  // namespace

constinit const Variable kVariables[kVariableCount] = {
    {.name = "upstream_addr", .get = address, .cacheable = false},
    {.name = "upstream_status", .get = status, .cacheable = false},
    {.name = "upstream_connect_time", .get = time_list<&Try::connect_time>, .cacheable = false},
    {.name = "upstream_header_time", .get = time_list<&Try::header_time>, .cacheable = false},
    {.name = "upstream_response_time", .get = time_list<&Try::response_time>, .cacheable = false},
    {.name = "upstream_response_length", .get = number_list<&Try::response_length>, .cacheable = false},
    {.name = "upstream_bytes_received", .get = number_list<&Try::bytes_received>, .cacheable = false},
    {.name = "upstream_bytes_sent", .get = number_list<&Try::bytes_sent>, .cacheable = false},
    {.name = "upstream_cache_status", .get = nothing},
    {.name = "upstream_http_", .find = header, .cacheable = false},
    {.name = "upstream_cookie_", .find = cookie, .cacheable = false},
    {.name = "upstream_trailer_", .find = trailer, .cacheable = false},
};

}  // namespace sluice::http::upstream
