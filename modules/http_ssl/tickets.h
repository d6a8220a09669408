// Tickets: sessions that clients keep, encrypted with a key that all workers share. Without ssl_session_ticket_key,
// the keys are made, and replaced in time, in a zone, so that a reload leaves tickets valid.
#pragma once

#include "conf.h"
#include "openssl.h"

namespace sluice::tls {

/// As it stands in a file of ssl_session_ticket_key: 80 bytes, or 48 of the older kind (AES-128).
struct TicketKey {
    unsigned char name[16] = {};
    unsigned char hmac[32] = {};
    unsigned char aes[32] = {};
    bool is_short = false;
};

/// The zone of the keys that the server makes by itself; declared once for a configuration. `lifetime`: the longest
/// ssl_session_timeout; a key encrypts that long, and decrypts for as long again.
Result<shm::Zone*> declare_ticket_zone(conf::Parser& parser, Seconds lifetime);

/// Reads the key files, if there are any, and has the context use them, or those in the zone.
Result<void> use_tickets(conf::Parser& parser, SSL_CTX* context, const ServerConf& conf, shm::Zone& zone);

}  // namespace sluice::tls
