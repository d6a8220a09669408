// Options: what the command line said about the configuration to be read, made absolute.
#pragma once

#include <span>
#include <string>

#include "core/module/descriptor.h"

namespace sluice::cycle {

struct Options {
    std::string prefix;       ///< with trailing slash
    std::string conf_path;    ///< the main configuration file
    std::string conf_prefix;  ///< its folder, with trailing slash
    std::string error_log;    ///< of `-e`, else the default one: a path, or "stderr"
    std::string directives;   ///< of `-g`
    std::string modules;      ///< folder of the modules, with trailing slash
    bool is_test = false;     ///< -t, -T, -s: nothing running may be touched
    bool dumps = false;       ///< -T
    std::span<const module::Descriptor* const> built_in;
};

}  // namespace sluice::cycle
