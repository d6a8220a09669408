// Special responses: error_page rules first, then built-in pages.
#include "http/special_response.h"

#include <array>

#include "http/conf/http_conf.h"
#include "http/conf/location_conf.h"
#include "http/request.h"
#include "http/server_banner.h"
#include "http/uri/escape.h"

namespace sluice::http {

namespace {

constexpr bool is_redirect(uint16_t status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// After these nobody knows where the next request would begin, or whether it is worth reading.
constexpr bool ends_connection(uint16_t status) {
    switch (status) {
        case 400:
        case 413:
        case 414:
        case kStatusHeaderTooLarge:
        case 495:
        case 496:
        case kStatusHttpToHttps:
        case 500:
        case 501: return true;
        default: return false;
    }
}

struct Page {
    uint16_t status;
    Text heading;
};

/// Statuses with a built-in page; others have an empty body.
constexpr std::array kPages{
    Page{301, "301 Moved Permanently"},
    Page{302, "302 Found"},
    Page{303, "303 See Other"},
    Page{307, "307 Temporary Redirect"},
    Page{308, "308 Permanent Redirect"},
    Page{400, "400 Bad Request"},
    Page{401, "401 Authorization Required"},
    Page{402, "402 Payment Required"},
    Page{403, "403 Forbidden"},
    Page{404, "404 Not Found"},
    Page{405, "405 Not Allowed"},
    Page{406, "406 Not Acceptable"},
    Page{408, "408 Request Time-out"},
    Page{409, "409 Conflict"},
    Page{410, "410 Gone"},
    Page{411, "411 Length Required"},
    Page{412, "412 Precondition Failed"},
    Page{413, "413 Request Entity Too Large"},
    Page{414, "414 Request-URI Too Large"},
    Page{415, "415 Unsupported Media Type"},
    Page{416, "416 Requested Range Not Satisfiable"},
    Page{421, "421 Misdirected Request"},
    Page{429, "429 Too Many Requests"},
    Page{494, "400 Request Header Or Cookie Too Large"},
    Page{495, "400 The SSL certificate error"},
    Page{496, "400 No required SSL certificate was sent"},
    Page{497, "400 The plain HTTP request was sent to HTTPS port"},
    Page{500, "500 Internal Server Error"},
    Page{501, "501 Not Implemented"},
    Page{502, "502 Bad Gateway"},
    Page{503, "503 Service Temporarily Unavailable"},
    Page{504, "504 Gateway Time-out"},
    Page{505, "505 HTTP Version Not Supported"},
    Page{507, "507 Insufficient Storage"},
};

/// Pages of 494 to 497 have the title of a 400 and say more below.
constexpr Text kBadRequestTitle = "400 Bad Request";

const Page* find_page(uint16_t status) {
    for (const Page& page : kPages)
        if (page.status == status) return &page;
    return nullptr;
}

Text page_body(Request& request, const Page& page) {
    const Text banner = server_banner(*request.conf<LocationConf>().server_tokens);
    const bool has_detail = page.status >= 494 && page.status <= 497;
    const Text detail = has_detail ? page.heading.substr(4) : Text{};
    const Text title = has_detail && page.status != 494 ? page.heading : page.heading;
    const Text heading = has_detail ? kBadRequestTitle : page.heading;
    Arena& arena = request.arena();
    const Text tail = arena.concat("<hr><center>", banner, "</center>\r\n</body>\r\n</html>\r\n");
    const Text center = has_detail ? arena.concat("<center>", detail, "</center>\r\n") : Text{};
    return arena.concat("<html>\r\n<head><title>", title, "</title></head>\r\n<body>\r\n<center><h1>", heading,
                        "</h1></center>\r\n", center, tail);
}

/// Old Internet Explorer shows pages of its own instead of short ones.
constexpr Text kPadding =
    "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n<!-- a padding to disable MSIE and Chrome "
    "friendly "
    "error page -->\r\n<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n<!-- a padding to "
    "disable MSIE and "
    "Chrome friendly error page -->\r\n<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n<!-- a "
    "padding to "
    "disable MSIE and Chrome friendly error page -->\r\n";

bool is_msie(const Request& request) {
    const Text agent = request.headers.value(KnownHeader::user_agent);
    return agent.find("MSIE ") != Text::npos && agent.find("Opera") == Text::npos;
}

bool wants_padding(const Request& request, uint16_t status) {
    if (status < 400 || !*request.conf<LocationConf>().msie_padding || request.version < kHttp10) return false;
    return is_msie(request) || request.headers.value(KnownHeader::user_agent).find("Chrome/") != Text::npos;
}

/// msie_refresh: a page that leads on, instead of a redirect.
bool wants_refresh(const Request& request, uint16_t status) {
    return (status == 301 || status == 302) && *request.conf<LocationConf>().msie_refresh && is_msie(request);
}

Text refresh_body(Request& request) {
    Arena& arena = request.arena();
    const Text target = request.response.location;
    const std::span<char> room = arena.make_bytes(uri::escaped_size(target, uri::Escape::refresh));
    return arena.concat("<html><head><meta http-equiv=\"Refresh\" content=\"0; URL=",
                        uri::escape(target, uri::Escape::refresh, room), "\"></head><body></body></html>\r\n");
}

void send_builtin_page(Request& request, uint16_t status) {
    request.body.discard();
    Response& response = request.response;
    const Page* page = find_page(status);
    response.status = public_status(status);
    response.status_line = {};
    Text body;
    if (wants_refresh(request, status)) {
        body = refresh_body(request);
        response.status = 200;
        response.location = {};
        response.content_type = "text/html";
    } else if (page != nullptr) {
        body = page_body(request, *page);
        if (wants_padding(request, status)) body = request.arena().concat(body, kPadding);
        response.content_type = "text/html";
    } else {
        response.content_type = {};
    }
    response.charset = {};
    response.content_length = static_cast<int64_t>(body.size());
    request.error_status = 0;
    if (!request.send_header()) return;
    event::Chain chain;
    if (!response.is_header_only) chain.add(request.arena(), body);
    if (request.output(chain, true) != OutputState::failed) request.finish(0);
}

void redirect_by_error_page(Request& request, const ErrorPage& page, uint16_t status, Text uri) {
    const int wanted = page.overwrite > 0 ? page.overwrite : status;
    const auto final_status = static_cast<uint16_t>(is_redirect(static_cast<uint16_t>(wanted)) ? wanted : 302);
    request.response.location = uri;
    send_builtin_page(request, final_status);
}

bool try_error_page(Request& request, uint16_t status) {
    const auto& core = request.conf<LocationConf>();
    if (core.error_pages->empty()) return false;
    if (request.is_error_page) return false;
    request.is_error_page = !*core.recursive_error_pages;
    for (const ErrorPage& page : *core.error_pages) {
        if (page.status != status) continue;
        // $status in the URI
        request.error_status = page.overwrite >= 0 ? static_cast<uint16_t>(page.overwrite) : public_status(status);
        Text uri = page.uri.evaluate(request);
        if (!script::is_found(uri)) return false;
        if (uri.starts_with('/')) {
            if (request.method != Method::head) {
                request.method = Method::get;
                request.method_name = "GET";
            }
            const Text path = text::split_off(uri, '?');
            request.redirect_internally(path, uri);
        } else if (uri.starts_with('@')) {
            request.redirect_to_named(uri);
        } else {
            redirect_by_error_page(request, page, status, uri);
        }
        return true;
    }
    return false;
}

}  // namespace

uint16_t public_status(uint16_t status) {
    return status >= 494 && status <= 497 ? 400 : status;
}

void answer_with_status(Request& request, uint16_t status) {
    if (ends_connection(status)) request.keeps_alive = false;
    // What was said of the answer that is not given holds for no page.
    Response& response = request.response;
    response.clear_length();
    response.content_type = response.charset = {};
    response.clear_validators();
    response.allows_ranges = false;
    response.headers.remove(KnownHeader::content_encoding);
    response.headers.remove(KnownHeader::accept_ranges);
    if (try_error_page(request, status)) return;
    send_builtin_page(request, status);
}

}  // namespace sluice::http
