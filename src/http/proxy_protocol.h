// The PROXY header that a balancer puts before a connection, versions 1 (text) and 2 (binary):
// https://www.haproxy.org/download/1.8/doc/proxy-protocol.txt
#pragma once

#include <string>

#include "core/base/text.h"
#include "event/address.h"

namespace sluice::http {

/// What the header says. Without addresses (UNKNOWN, LOCAL) the connection speaks for itself.
struct ProxyHeader {
    bool has_addresses = false;
    event::SocketAddress source;
    event::SocketAddress destination;
    std::string tlvs;  ///< of version 2, as they came

    /// The value of the TLV that `name` (alpn, authority, unique_id, netns, ssl_version, ssl_cn, ssl_cipher,
    /// ssl_sig_alg, ssl_key_alg, or 0xNN) stands for; null Text when it is not there.
    Text tlv(Text name) const;
};

/// Longest header that is taken: version 1 has 107 bytes at most, version 2 as much as nginx takes.
constexpr size_t kMostProxyHeader = 4096;

struct ProxyParse {
    enum class Outcome : uint8_t { need_more, done, broken };
    Outcome outcome = Outcome::need_more;
    size_t size = 0;      ///< bytes of the header, when it is done
    int version = 0;      ///< of a binary header that has another version than 2
    Text complaint = {};  ///< about another binary header; a broken one without either is text, and worth showing
};

/// Reads the header at the front of `bytes`, which begin with the connection's first byte. `header` is complete when
/// it is done.
ProxyParse parse_proxy_header(Text bytes, ProxyHeader& header);

}  // namespace sluice::http
