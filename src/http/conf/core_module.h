// The descriptors of the parts of HTTP that are built into the server, for the composition root.
#pragma once

#include "core/conf/parser.h"
#include "core/module/descriptor.h"

namespace sluice::http {

class HttpConf;

extern const module::Descriptor kHttpModule;  ///< the `http` block itself
extern const module::Descriptor kCoreModule;  ///< http_core

/// What the `http` block became; null without one. `core`: the set of the main context.
const HttpConf* find_http(const conf::ConfSet& core);

}  // namespace sluice::http
