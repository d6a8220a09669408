// The modules that make up the main context and the `events` block, by the names that nginx's documentation has.
#pragma once

#include <array>

#include "core/module/descriptor.h"

namespace sluice::cycle {

extern const module::Descriptor kCoreModule;
extern const module::Descriptor kErrorLogModule;
extern const module::Descriptor kConfModule;
extern const module::Descriptor kRegexModule;
extern const module::Descriptor kThreadPoolModule;
extern const module::Descriptor kOpensslModule;
extern const module::Descriptor kEventsModule;     ///< the `events` block itself
extern const module::Descriptor kEventCoreModule;  ///< what stands in it
extern const module::Descriptor kEpollModule;
extern const module::Descriptor kForeignEventsModule;  ///< other systems' event methods

inline constexpr std::array kModules{
    &kCoreModule,    &kErrorLogModule, &kConfModule,      &kRegexModule, &kThreadPoolModule,
    &kOpensslModule, &kEventsModule,   &kEventCoreModule, &kEpollModule, &kForeignEventsModule,
};

}  // namespace sluice::cycle
