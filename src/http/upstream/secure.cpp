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

}  // namespace sluice::http::upstream
