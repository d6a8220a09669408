// Endpoint: a listening socket with the servers behind it; Address: one address:port among them, with its names.
#pragma once

#include <memory>
#include <vector>

#include "core/base/text.h"
#include "core/log/log.h"
#include "core/script/regex.h"
#include "event/address.h"
#include "event/listener.h"

namespace sluice::http {

class Request;
struct Server;
struct SessionType;

/// Names to servers: exact, then the longest *.suffix, the longest prefix.*, then regexes in order.
class ServerNames {
 public:
    ServerNames();
    ~ServerNames();
    /// False when that very name exists on this address already: it is ignored and the caller warns.
    bool add(Text name, const Server& server);
    void add_regex(const script::Regex& regex, const Server& server);
    /// `host` is valid and in lower case. Captures of a regex go to `request`. Null: none matches.
    const Server* find(Text host, Request& request) const;
    /// For a handshake (SNI), before there is a request: nothing is captured. `log` gets the line of a regex's
    /// failure.
    const Server* find(Text host, const Log& log) const;
    /// No name at all: the default server answers everything.
    bool is_trivial() const;

 private:
    const Server* find_listed(Text host) const;

    struct Tables;
    std::unique_ptr<Tables> tables_;
};

/// What `listen` said about an address.
struct ListenFlags {
    bool is_ssl = false;
    bool is_http2 = false;
    bool is_quic = false;
    bool wants_proxy_protocol = false;
    bool is_default = false;
};

struct Address {
    event::SocketAddress address;
    Text text;  ///< as $server_addr:$server_port would print it
    ListenFlags flags;
    event::ListenOptions options;
    const Server* default_server = nullptr;
    std::vector<Server*> servers;              ///< in the order written
    std::vector<const SessionType*> sessions;  ///< those that one of the servers wants, beside HTTP/1
    ServerNames names;
};

/// One socket. With a wildcard address it may serve several Addresses of its port: the local address of a connection
/// tells.
struct Endpoint {
    event::SocketAddress address;
    event::ListenOptions options;
    std::vector<std::unique_ptr<Address>> addresses;  ///< specific ones first, the wildcard last
    /// The Address that a connection came to; `fd` is asked only when there is a choice.
    const Address& address_of(int fd) const;
};

}  // namespace sluice::http
