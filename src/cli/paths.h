// Where things are: from the command line and what configure was told, to absolute paths.
#pragma once

#include <optional>
#include <string>

#include "cli/arguments.h"
#include "cycle/options.h"

namespace sluice::cli {

/// As nginx: `-c` and `-e` start from the prefix (-p, else the compiled one); includes from the configuration's
/// folder.
cycle::Options make_options(const Arguments& arguments);

/// What stands before the place where the executable was to be installed: "" for a usual install, the DESTDIR of one
/// that lies below another root; nothing when it lies elsewhere.
std::optional<std::string> find_root(Text executable, Text installed);

/// The folder of the modules, with trailing slash: `modules` beside the executable (a build that runs where it was
/// built), else the compiled folder where it exists, seen from the root of the install, the executable's place or the
/// prefix.
std::string find_modules(const std::string& prefix);

}  // namespace sluice::cli
