// How the server names itself in Server and in built-in pages.
#pragma once

#include "core/base/text.h"
#include "http/conf/location_conf.h"

namespace sluice::http {

/// "sluice", "sluice/0.1.0", "sluice/0.1.0 (build name)".
Text server_banner(ServerTokens tokens);

}  // namespace sluice::http
