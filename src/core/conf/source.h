// Parser::Source: a text being read, and the file that includes it.
#pragma once

#include "core/conf/lexer.h"
#include "core/conf/parser.h"

namespace sluice::conf {

struct Parser::Source {
    Lexer lexer;
    Source* includer = nullptr;
    uint32_t depth = 0;  ///< number of files that include this one
};

}  // namespace sluice::conf
