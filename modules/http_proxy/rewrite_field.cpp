// Which rules apply to which field of an answer.
#include <sluice/http/upstream/exchange.h>

#include "conf.h"

namespace sluice::proxy {

Text rewrite_field(http::upstream::Exchange& exchange, const ProxyConf& conf, const http::Field& field) {
    http::Request& request = exchange.request();
    if (field.known == http::KnownHeader::set_cookie)
        return rewrite_cookie(request, field.value,
                              {conf.cookie_domains->all, conf.cookie_paths->all, conf.cookie_flags->all});
    const Redirects& redirects = *conf.redirects;
    if (redirects.is_off) return {};
    // "Refresh: 5; url=http://…"
    size_t begin = 0;
    if (field.known == http::KnownHeader::refresh) {
        const size_t at = field.value.find("url=");
        if (at == Text::npos) return {};
        begin = at + 4;
    }
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
