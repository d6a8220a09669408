// Making a server's TLS of its settings.
#pragma once

#include <sluice/core/conf/parser.h>

#include "conf.h"

namespace sluice::tls {

/// Sets `conf.tls`, unless it is there already (a block that says nothing of its own shares the settings of the one
/// around it, and what they have become) or nothing asks for it. `tickets`: of declare_ticket_zone().
Result<void> build_tls(conf::Parser& parser, ServerConf& conf, shm::Zone& tickets);

}  // namespace sluice::tls
