// Environment: what a configuration being read belongs to: paths, memory, logs, zones, and who finds missing modules.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/conf/conf_type.h"
#include "core/conf/context.h"
#include "core/conf/token.h"
#include "core/log/log.h"

namespace sluice::event {
class Service;
}
namespace sluice::log {
class ErrorLog;
class OpenFiles;
}  // namespace sluice::log
namespace sluice::module {
struct Descriptor;
}
namespace sluice::shm {
class Zones;
}

namespace sluice::conf {

struct Directive;
class Keepsakes;
class Watch;

/// A row together with the module it comes from, as the lookup of a name returns it.
struct KnownDirective {
    const Directive* row = nullptr;
    Text module;
};

/// A module's struct of one level, with every row that writes to it (rows of other modules included).
struct KnownType {
    const ConfType* type = nullptr;
    std::span<const Directive* const> rows;
    Text module;
};

/// The modules at hand and their directives. The module loader implements it; a lookup may load a module (autoload),
/// which adds types behind those that were there.
class Directives {
 public:
    /// All rows of this name (nginx has namesakes in http and stream); empty when nobody knows it. Where none of them
    /// may stand in `context`, a module with one that may is loaded first. An error tells why a module did not load.
    virtual Result<std::span<const KnownDirective>> find(Text name, Context context) = 0;
    /// Whether anybody, loaded or not, has a directive of this name; loads nothing.
    virtual bool knows(Text name) const = 0;
    /// What to do about a name that find() does not know: `did you mean "x"?`, or which module has it; may be empty.
    virtual std::string advise(Text name, Context context) const = 0;
    /// The structs of one level of a family (see family_of), in the order of their slots. Loading a module
    /// invalidates the span, never an index.
    virtual std::span<const KnownType> types(Context family, Level level) const = 0;

    /// The loaded modules of all families: the server's own in their order, then others by name. Loading a module
    /// invalidates the span.
    virtual std::span<const module::Descriptor* const> modules() const = 0;
    /// `load_module FILE`, where FILE is as written.
    virtual Result<void> load(Text file) = 0;
    /// Loads the module that has a variable of this name in the family; false when there is none, or when it is
    /// loaded already.
    virtual Result<bool> load_for_variable(Text name, Context family) = 0;
    /// `autoload_modules on|off`
    virtual void set_autoload(bool on) = 0;

 protected:
    ~Directives() = default;
};

/// A folder of temporary files.
struct Folder {
    Text path;                      ///< absolute, no trailing slash
    std::array<uint8_t, 3> levels;  ///< digits of the names of the folders in it; 0: none
    Position at;                    ///< where it is named first, if anywhere
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
    /// A block of the main context was begun (events, http, …): nginx takes no `load_module` behind it.
    bool is_block_begun = false;
    /// The main context's `error_log`, which others fall back to; complete once the whole configuration was read.
    const log::ErrorLog* main_error_log = nullptr;
    /// Blocks that serve clients (http, stream) put themselves in; see event/service.h.
    std::vector<event::Service*> services = {};
    /// Made for the workers' user when the generation opens.
    std::vector<Folder> folders = {};
    /// Thread pools that `aio threads=NAME` asks for, and where; checked when all `thread_pool` directives are known.
    std::vector<Token> thread_pools_asked_for = {};
    /// What this generation hands on to the next one; null where there is none (tests of single parts).
    Keepsakes* keepsakes = nullptr;
    /// Whose files may change while the configuration runs; see core/conf/watch.h.
    std::vector<Watch*> watches = {};
};

}  // namespace sluice::conf
