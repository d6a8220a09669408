// Module: the constexpr descriptor of an HTTP module: its configuration, directives, variables, handlers and filters.
#pragma once

#include <span>

#include "core/conf/conf_type.h"
#include "core/conf/directive.h"
#include "core/conf/parser.h"
#include "core/module/descriptor.h"
#include "http/filter.h"
#include "http/phase.h"
#include "http/session.h"
#include "http/state.h"
#include "http/variable.h"

namespace sluice::event {
class Loop;
}
namespace sluice::event::tls {
class Clients;
}

namespace sluice::http::upstream {
struct SharedSessions;
}

namespace sluice::http {

class HttpConf;
struct Security;

using conf::action;
using conf::block;
using conf::conf_type;
using conf::custom;
using conf::directive;

/// The usual contexts of a directive that may stand anywhere in `http`.
constexpr conf::Contexts anywhere = conf::Context::http | conf::Context::http_server | conf::Context::http_location;
constexpr conf::Contexts anywhere_and_if = anywhere | conf::Context::http_location_if;

struct Module {
    Text name;
    conf::ConfType main = {};      ///< one per configuration
    conf::ConfType server = {};    ///< one per server block (and per upstream block)
    conf::ConfType location = {};  ///< one per location
    std::span<const conf::Directive> directives = {};
    std::span<const Variable> variables = {};
    std::span<const PhaseHandler> phases = {};
    std::span<const Filter> filters = {};
    StateType state = {};  ///< one per request that asks for it
    /// After the whole `http` block was read and inherited; an error refuses the configuration.
    Result<void> (*configured)(conf::Parser&, HttpConf&) = nullptr;
    /// Once per worker, before it accepts; and when it leaves.
    Result<void> (*worker_started)(event::Loop&) = nullptr;
    void (*worker_stopping)() = nullptr;
    std::span<const SessionType> sessions = {};  ///< protocols that it speaks with clients
    /// Encrypts clients' connections; null: this module does not.
    const Security* security = nullptr;
    /// TLS to upstreams: see http/upstream/secure.h.
    const event::tls::Clients* tls_clients = nullptr;
    /// HTTP/2 to upstreams: see http/upstream/shared_session.h.
    const upstream::SharedSessions* upstream_sessions = nullptr;
};

constexpr module::Descriptor describe(const Module& module) {
    return {
        .name = module.name,
        .family = module::Family::http,
        .directives = module.directives,
        .conf_types = {module.main, module.server, module.location},
        .variable_count = module.variables.size(),
        .variable = [](const void* specific, size_t index) -> module::VariableName {
            const Variable& variable = static_cast<const Module*>(specific)->variables[index];
            return {variable.name, variable.find != nullptr};
        },
        .specific = &module,
        .specific_size = sizeof(Module),
    };
}

}  // namespace sluice::http
