// Certificates whose names hold variables: evaluated for each handshake, when the client's name is known.
//   ssl_certificate $ssl_server_name.pem;  ssl_certificate_key data:$key;
#pragma once

#include "server_tls.h"

namespace sluice::tls {

/// Has the context of `tls` ask for them, if there are any.
void use_variable_certificates(ServerTls& tls);

}  // namespace sluice::tls
