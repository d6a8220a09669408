// What a server block's settings become.
#include "build.h"

#include <algorithm>

#include "client_status.h"
#include "context.h"
#include "handshake.h"
#include "session_cache.h"
#include "session_identity.h"
#include "stapling.h"
#include "tickets.h"
#include "variable_certificates.h"

namespace sluice::tls {

using conf::Parser;

namespace {

/// Whom ssl_ocsp asks.
Result<void> find_ocsp_responder(Parser& parser, ServerConf& conf) {
    if (*conf.ocsp == Ocsp::off) return {};
    if (*conf.verify_client == VerifyClient::optional_no_ca)
        return refuse(parser, {}, Error("\"ssl_ocsp\" is incompatible with \"ssl_verify_client optional_no_ca\""));
    if (!conf.ocsp_responder.is_set()) return {};
    Result<Responder> found = find_responder(conf.ocsp_responder->text);
    if (!found) {
        const Text what = parser.arena().concat(found.error().text, " in \"ssl_ocsp_responder\"");
        return refuse(parser, conf.ocsp_responder->at, Error(what));
    }
    conf.ocsp_responder_found = parser.arena().make<Responder>(std::move(*found));
    return {};
}

/// Each certificate has its key.
Result<void> check_keys(Parser& parser, const ServerConf& conf) {
    if (conf.certificates->size() <= conf.keys->size()) return {};
    auto lacking = conf.certificates->begin();
    for (size_t i = 0; i < conf.keys->size(); ++i) ++lacking;
    return refuse(parser, lacking->at,
                  Error(parser.arena().concat("no \"ssl_certificate_key\" is defined for certificate \"",
                                              lacking->value.source(), "\"")));
}

}  // namespace

Result<void> build_tls(Parser& parser, ServerConf& conf, shm::Zone& tickets) {
    if (conf.tls != nullptr || (conf.certificates->empty() && !*conf.reject_handshake)) return {};
    if (Result<void> checked = check_keys(parser, conf); !checked) return checked;
    Result<UniqueContext> context = make_context(parser, conf);
    if (!context) return context.error();
    add_callbacks(context->get());
    if (Result<void> found = find_ocsp_responder(parser, conf); !found) return found;
    use_session_cache(context->get(), conf);
    Result<std::string> identity = make_session_identity(context->get(), conf);
    if (!identity) return identity.error();
    if (Result<void> used = use_tickets(parser, context->get(), conf, tickets); !used) return used;
    auto& tls = *parser.arena().make<ServerTls>();
    tls.context = std::move(*context);
    tls.conf = &conf;
    tls.session_identity = std::move(*identity);
    tls.folder = parser.environment().conf_prefix;
    tls.passwords = to_strings(*conf.password_file);
    use_variable_certificates(tls);
    if (Result<void> used = use_stapling(parser, tls); !used) return used;
    tls.transport.record_size =
        static_cast<uint32_t>(std::min<int64_t>(conf.buffer_size->count, RecordSize::kLargest));
    tls.transport.adapts = !conf.buffer_size.is_set();
    tls.transport.takes_early_data = *conf.early_data;
    conf.tls = &tls;
    return {};
}

}  // namespace sluice::tls
