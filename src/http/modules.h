// The modules of HTTP that are built into the server, by the names that nginx's documentation has.
#pragma once

#include <array>

#include "core/module/descriptor.h"

namespace sluice::http {

extern const module::Descriptor kHttpModule;  ///< the `http` block itself
extern const module::Descriptor kCoreModule;  ///< http_core
extern const module::Descriptor kLogModule;   ///< http_log
extern const module::Descriptor kIndexModule;
extern const module::Descriptor kStaticModule;
extern const module::Descriptor kTryFilesModule;
extern const module::Descriptor kNotModifiedModule;
extern const module::Descriptor kRangeModule;
extern const module::Descriptor kUpstreamModule;  ///< http_upstream

inline constexpr std::array kModules{
    &kHttpModule,     &kCoreModule,        &kLogModule,   &kIndexModule,    &kStaticModule,
    &kTryFilesModule, &kNotModifiedModule, &kRangeModule, &kUpstreamModule,
};

}  // namespace sluice::http
