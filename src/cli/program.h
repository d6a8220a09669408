// The program as a whole: does what the command line asks for.
#pragma once

#include <span>

#include "cli/arguments.h"
#include "core/module/descriptor.h"

namespace sluice::cli {

/// Returns the exit code. `built_in`: the server's own modules.
int run(const Arguments& arguments, std::span<const module::Descriptor* const> built_in);

}  // namespace sluice::cli
