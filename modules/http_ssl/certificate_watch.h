// ssl_certificate_watch: certificates and keys whose files have changed are taken up while the configuration runs.
#pragma once

#include <sluice/http/conf/http_conf.h>

#include "conf.h"

namespace sluice::tls {

/// Adds a conf::Watch for the servers that ask for it. To be called when their TLS is built; all three outlive it.
void watch_certificates(conf::Parser& parser, http::HttpConf& http, shm::Zone& tickets);

}  // namespace sluice::tls
