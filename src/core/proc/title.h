// The process title: what ps shows. Written over the memory of argv and the environment.
#pragma once

#include <string>
#include <vector>

#include "core/base/text.h"

namespace sluice::proc {

/// Keeps copies of arguments and environment (std::getenv goes on working) and frees their memory for titles. Call it
/// first in main(); without it set_title() does nothing.
void init_title(int argc, char** argv);

/// The arguments as they were.
const std::vector<std::string>& arguments();
/// The path by which this program can be executed again, absolute: argv[0] against the folder it was started in, or
/// found in PATH. Symbolic links stay, so that a replaced binary is found.
const std::string& program_path();

/// Shows "sluice: TITLE" (or "nginx: TITLE").
void set_title(Text title);

}  // namespace sluice::proc
