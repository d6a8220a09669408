// ProxyConf: the settings of http_proxy in a location.
#pragma once

#include <sluice/event/tls/client.h>
#include <sluice/http/upstream/conf.h>
#include <sluice/http/upstream/field_template.h>
#include <sluice/http/upstream/shared_session.h>

#include "head_template.h"
#include "rewriting.h"
#include "target.h"

namespace sluice::http::upstream {
class Exchange;
}

namespace sluice::proxy {

enum class HttpVersion : uint8_t { v10, v11, v2 };

struct ProxyConf : http::upstream::Conf, event::tls::ClientSettings {
    Setting<const Target*> target;
    Setting<conf::Sequence<SetHeader>> set_headers;
    Setting<script::Complex> set_body;
    Setting<script::Complex> method;
    Setting<HttpVersion> http_version;
    Setting<bool> pass_trailers;
    Setting<Redirects> redirects;
    Setting<Rules<Redirect>> cookie_domains;
    Setting<Rules<Redirect>> cookie_paths;
    Setting<Rules<CookieFlags>> cookie_flags;
    Setting<uint32_t> headers_hash_max_size;
    Setting<uint32_t> headers_hash_bucket_size;

    script::Complex host;  ///< Host and :authority, where the configuration does not say them
    const HeadTemplate* head = nullptr;
    /// With HTTP/2: the fields, and who speaks it. Else null.
    const http::upstream::FieldTemplate* fields = nullptr;
    const http::upstream::SharedSessions* sessions = nullptr;
    const Redirect* own_redirect = nullptr;  ///< `proxy_redirect default`
};

/// A field of the answer by the rules of the configuration: Location, Refresh, Set-Cookie. Null Text: as it is.
Text rewrite_field(http::upstream::Exchange& exchange, const ProxyConf& conf, const http::Field& field);

// rewriting_conf.cpp
Result<void> parse_redirect(conf::Parser& parser, Setting<Redirects>& field, conf::Arguments words);
Result<void> parse_cookie_domain(conf::Parser& parser, Setting<Rules<Redirect>>& field, conf::Arguments words);
Result<void> parse_cookie_path(conf::Parser& parser, Setting<Rules<Redirect>>& field, conf::Arguments words);
Result<void> parse_cookie_flags(conf::Parser& parser, Setting<Rules<CookieFlags>>& field, conf::Arguments words);

}  // namespace sluice::proxy

namespace sluice::conf {
template <>
struct EnumNames<proxy::HttpVersion> {
    static constexpr std::array<Text, 3> names{"1.0", "1.1", "2"};
};
}  // namespace sluice::conf
