// Getters of http_core's variables about the connection below a request: PROXY protocol and the kernel's TCP numbers.
#pragma once

#include "core/base/text.h"

namespace sluice::http {

class Request;

Text proxy_protocol_addr(const Request& request);
Text proxy_protocol_port(const Request& request);
Text proxy_protocol_server_addr(const Request& request);
Text proxy_protocol_server_port(const Request& request);
/// $proxy_protocol_tlv_NAME
Text proxy_protocol_tlv(Request& request, Text name);

Text tcpinfo_rtt(const Request& request);
Text tcpinfo_rttvar(const Request& request);
Text tcpinfo_snd_cwnd(const Request& request);
Text tcpinfo_rcv_space(const Request& request);

}  // namespace sluice::http
