// Finding the module that speaks HTTP/2 with upstreams.
#include "http/upstream/shared_session.h"

#include <cstddef>

#include "core/conf/parser.h"
#include "http/module.h"

namespace sluice::http::upstream {

namespace {

/// Of an older module, which has no such field, null.
const SharedSessions* sessions_of(const module::Descriptor& descriptor) {
    constexpr size_t kNeeded = offsetof(Module, upstream_sessions) + sizeof(Module::upstream_sessions);
    if (descriptor.family != module::Family::http || descriptor.specific_size < kNeeded) return nullptr;
    return static_cast<const Module*>(descriptor.specific)->upstream_sessions;
}

const SharedSessions* find_loaded(conf::Parser& parser) {
    for (const module::Descriptor* descriptor : parser.environment().directives.modules())
        if (const SharedSessions* sessions = sessions_of(*descriptor)) return sessions;
    return nullptr;
}

}  // namespace

Result<const SharedSessions*> find_shared_sessions(conf::Parser& parser) {
    if (const SharedSessions* sessions = find_loaded(parser)) return sessions;
    // Whoever speaks HTTP/2 has this directive; asking for it loads the module.
    const auto found = parser.environment().directives.find("http2_chunk_size", conf::Context::http);
    if (!found) return found.error();
    return find_loaded(parser);
}

}  // namespace sluice::http::upstream
