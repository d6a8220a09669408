// UpstreamClient: TLS towards upstreams for one group of settings: OpenSSL's context, what is presented, whom to
// trust, sessions to resume.
//   proxy_pass https://backend;  proxy_ssl_verify on;  proxy_ssl_trusted_certificate ca.pem;
#pragma once

#include <sluice/event/tls/client.h>

#include "certificate_cache.h"
#include "client_sessions.h"
#include "client_transport.h"
#include "openssl.h"

namespace sluice::tls {

class UpstreamClient final : public event::tls::Client {
 public:
    /// `folder`: base of the names of files, with trailing slash.
    UpstreamClient(UniqueContext context, const event::tls::ClientSettings& settings, Text folder);

    Result<std::unique_ptr<event::SecureTransport>> begin(event::Connection& connection,
                                                          const event::tls::Wanted& wanted,
                                                          event::HandshakeHandler& handler) override;

 private:
    Result<void> present(SSL* ssl, Text certificate, Text key, Msec now);
    std::string full_source(Text source) const;

    UniqueContext context_;
    Text folder_;
    std::vector<std::string> passwords_;
    CertificateCache certificates_;
    ClientSessions sessions_;
};

class UpstreamClients final : public event::tls::Clients {
 public:
    constexpr UpstreamClients() = default;
    Result<event::tls::Client*> make(conf::Parser& parser, const event::tls::ClientSettings& settings) const override;
};

inline constexpr UpstreamClients kUpstreamClients;

}  // namespace sluice::tls
