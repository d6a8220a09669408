// Directives about certificates whose words need a parser of their own.
#pragma once

#include <sluice/core/conf/parser.h>

#include "conf.h"

namespace sluice::tls {

Result<void> parse_certificate_compression(conf::Parser& parser, Setting<bool>& field, conf::Arguments words);
Result<void> parse_ech_file(conf::Parser& parser, Setting<Word>& field, conf::Arguments words);

}  // namespace sluice::tls
