// Which rules apply to which field of an answer.
#include <sluice/http/upstream/exchange.h>

#include "conf.h"

namespace sluice::proxy {

namespace {

/// "Refresh: 5; url=http://…", in any case; where the address begins, or npos.
size_t find_address(Text refresh) {
    constexpr Text kUrl = "url=";
    for (size_t at = 0; at + kUrl.size() <= refresh.size(); ++at)
        if (text::istarts_with(refresh.substr(at), kUrl)) return at + kUrl.size();
    return Text::npos;
}

}  // namespace

Text rewrite_field(http::upstream::Exchange& exchange, const ProxyConf& conf, const http::Field& field) {
    http::Request& request = exchange.request();
    if (field.known == http::KnownHeader::set_cookie)
        return rewrite_cookie(request, field.value,
                              {conf.cookie_domains->all, conf.cookie_paths->all, conf.cookie_flags->all});
    const Redirects& redirects = *conf.redirects;
    if (redirects.is_off) return {};
    const size_t begin = field.known == http::KnownHeader::refresh ? find_address(field.value) : 0;
    if (begin == Text::npos) return {};
    Text changed;
    const Text address = field.value.substr(begin);
    if (redirects.has_default && conf.own_redirect != nullptr)
        changed = rewrite_location(request, address, *conf.own_redirect);
    for (const Redirect& rule : redirects.rules) {
        if (changed.data() != nullptr) break;
        changed = rewrite_location(request, address, rule);
    }
    if (changed.data() == nullptr || begin == 0) return changed;
    return request.arena().concat(field.value.substr(0, begin), changed);
}

}  // namespace sluice::proxy
