// Arguments: the command line, understood. Options are nginx's, with its rules: letters may be joined (-tq), a value
// may stand in the same word (-c/etc/x.conf) or in the next one.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/base/result.h"

namespace sluice::cli {

struct Arguments {
    bool wants_help = false;               ///< -? -h
    bool wants_version = false;            ///< -v, and what implies it
    bool wants_configuration = false;      ///< -V
    bool wants_test = false;               ///< -t
    bool wants_dump = false;               ///< -T
    bool is_quiet = false;                 ///< -q
    bool lists_modules = false;            ///< -m
    bool lists_directives = false;         ///< --list-directives
    bool lists_variables = false;          ///< --list-variables
    std::optional<std::string> explained;  ///< --help-directive NAME
    std::string signal;                    ///< -s
    std::optional<std::string> prefix;     ///< -p
    std::optional<std::string> conf;       ///< -c
    std::optional<std::string> error_log;  ///< -e
    std::string directives;                ///< -g
};

/// `words` without the program's name. Errors in nginx's words: `invalid option: "x"`, `option "-c" requires file
/// name`.
Result<Arguments> parse_arguments(std::span<char* const> words);

}  // namespace sluice::cli
