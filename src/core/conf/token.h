// A word of a configuration file and the place where it stands.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/text.h"

namespace sluice::conf {

/// A place in a configuration file. Lines and columns count from 1; a column counts bytes.
struct Position {
    Text file;
    uint32_t line = 0;
    uint32_t column = 0;
};

/// A word after quotes and escapes were taken off. Text and file name live as long as the configuration.
struct Token {
    Text text;
    Position at;
    bool is_quoted = false;
};

/// Where something was written, for an error that is found when more has been read.
struct Place {
    Position at;        ///< what the caret points to
    uint32_t line = 0;  ///< what the message names: the line where the statement ends
};

/// The words behind a directive's name.
using Arguments = std::span<const Token>;

}  // namespace sluice::conf
