// Environment: what a configuration being read belongs to: paths, memory, logs, zones, and who finds missing modules.
#pragma once

#include <span>

#include "core/base/arena.h"
#include "core/conf/conf_type.h"
#include "core/conf/context.h"
#include "core/log/log.h"

namespace sluice::log {
class OpenFiles;
}
namespace sluice::shm {
class Zones;
}

namespace sluice::conf {

struct Directive;

/// A row together with the module it comes from, as the lookup of a name returns it.
struct KnownDirective {
    const Directive* row = nullptr;
    Text module;
};

/// The directives at hand. The module loader implements it; a lookup may load a module (autoload).
class Directives {
 public:
    /// All rows of this name (nginx has namesakes in http and stream); empty when nobody knows it.
    virtual std::span<const KnownDirective> find(Text name) = 0;
    /// The known name nearest to `name` that is allowed in `context`, for "did you mean"; empty when none is near.
    virtual Text suggest(Text name, Context context) = 0;
    /// Makes the object of `slot` for a block that lives in `arena`.
    virtual void* make(const Slot& slot, Context family, Arena& arena) = 0;

 protected:
    ~Directives() = default;
};

struct Environment {
    Arena& arena;  ///< lives as long as the generation
    Log log;       ///< where warnings and errors of this reading go
    Directives& directives;
    log::OpenFiles& files;  ///< log files by path, reopened together
    shm::Zones& zones;
    Text prefix;           ///< with trailing slash; base of logs, html, temp paths
    Text conf_prefix;      ///< folder of the main configuration file, with trailing slash; base of includes
    bool is_test = false;  ///< -t: nothing running may be touched
    bool dumps = false;    ///< -T: files read are kept for printing
};

}  // namespace sluice::conf
