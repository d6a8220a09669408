// ssl_ocsp_cache: what responders said about clients' certificates, for all workers.
#pragma once

#include <optional>

#include <sluice/core/conf/parser.h>

#include "conf.h"
#include "ocsp_answer.h"

namespace sluice::tls {

/// `off | shared:name:size`
Result<void> parse_ocsp_cache(conf::Parser& parser, Setting<shm::Zone*>& field, conf::Arguments words);

/// The CertificateStatus that is known at `now` (Unix time); nothing without a cache (`zone` null).
std::optional<int> find_status(shm::Zone* zone, X509* certificate, X509* issuer, int64_t now);
/// Keeps an answer as long as it is valid; one that does not say how long is not kept.
void store_status(shm::Zone* zone, X509* certificate, X509* issuer, const OcspAnswer& answer);

}  // namespace sluice::tls
