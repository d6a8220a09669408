// ClientContext: who shares it, and its client.
#include "event/tls/client.h"

namespace sluice::event::tls {

namespace {

/// What goes into a context was written in this very block. The name, SNI and the reuse of sessions are each
/// connection's own.
bool has_own(const ClientSettings& settings) {
    return settings.protocols.is_here() || settings.ciphers.is_here() || settings.verify.is_here() ||
           settings.verify_depth.is_here() || settings.trusted_certificate.is_here() || settings.crl.is_here() ||
           settings.certificate.is_here() || settings.certificate_key.is_here() ||
           settings.certificate_cache.is_here() || settings.password_file.is_here() ||
           settings.conf_command.is_here();
}

}  // namespace

Result<void> ClientContext::demand(conf::Parser& parser, const Clients& clients) {
    if (client_ != nullptr) return {};
    Result<Client*> made = clients.make(parser, settings_);
    if (!made) return made.error();
    client_ = *made;
    return {};
}

void share_context(Arena& arena, ClientSettings& settings, const ClientSettings* enclosing) {
    const bool shares = enclosing != nullptr && enclosing->context != nullptr && !has_own(settings);
    settings.context = shares ? enclosing->context : arena.make<ClientContext>(settings);
}

Text name_without_port(Text host) {
    if (host.starts_with('[')) {
        const size_t end = host.find(']');
        return end != Text::npos ? host.substr(1, end - 1) : host;
    }
    return host.substr(0, host.rfind(':'));
}

}  // namespace sluice::event::tls
