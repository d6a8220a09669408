// Where things are: from the command line and what configure was told, to absolute paths.
#pragma once

#include <string>

#include "cli/arguments.h"
#include "cycle/options.h"

namespace sluice::cli {

/// As nginx: `-c` and `-e` start from the prefix (-p, else the compiled one); includes from the configuration's
/// folder.
cycle::Options make_options(const Arguments& arguments);

/// The folder of the modules, with trailing slash: `modules` beside the executable (a build that runs where it was
/// built), else the compiled folder where it exists, seen from the executable's place or the prefix.
std::string find_modules(const std::string& prefix);

}  // namespace sluice::cli
