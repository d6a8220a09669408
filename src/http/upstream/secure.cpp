// Finding the module that speaks TLS.
#include "http/upstream/secure.h"

#include <cstddef>

#include "http/module.h"

namespace sluice::http::upstream {

namespace {

/// Of an older module, which has no such field, null.
const event::tls::Clients* clients_of(const module::Descriptor& descriptor) {
    constexpr size_t kNeeded = offsetof(Module, tls_clients) + sizeof(Module::tls_clients);
    if (descriptor.family != module::Family::http || descriptor.specific_size < kNeeded) return nullptr;
    return static_cast<const Module*>(descriptor.specific)->tls_clients;
}

const event::tls::Clients* find_loaded(conf::Parser& parser) {
    for (const module::Descriptor* descriptor : parser.environment().directives.modules())
        if (const event::tls::Clients* clients = clients_of(*descriptor)) return clients;
    return nullptr;
}

}  // namespace

Result<const event::tls::Clients*> find_tls_clients(conf::Parser& parser) {
    if (const event::tls::Clients* clients = find_loaded(parser)) return clients;
    // Whoever speaks TLS has this directive; asking for it loads the module.
    const auto found = parser.environment().directives.find("ssl_protocols", conf::Context::http);
    if (!found) return found.error();
    return find_loaded(parser);
}

Result<void> load_tls(conf::Parser& parser, const conf::Token& word, Text scheme, bool may_do_without) {
    const Result<const event::tls::Clients*> found = find_tls_clients(parser);
    parser.point_at(word);
    if (!found) return found.error();
    if (*found != nullptr || may_do_without) return {};
    parser.suggest(parser.arena().copy(parser.environment().directives.advise("ssl_protocols", conf::Context::http)));
    return Error(parser.arena().concat(scheme, " protocol requires SSL support"));
}

Result<void> make_tls_client(conf::Parser& parser, const event::tls::ClientSettings& settings) {
    const Result<const event::tls::Clients*> found = find_tls_clients(parser);
    if (!found) return found.error();
    return *found != nullptr ? settings.context->demand(parser, **found) : Result<void>{};
}

}  // namespace sluice::http::upstream
