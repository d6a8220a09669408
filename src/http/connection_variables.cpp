// Variables about the connection.
#include "http/connection_variables.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "http/proxy_protocol.h"
#include "http/request.h"
#include "http/server_connection.h"

namespace sluice::http {

namespace {

Text number_text(const Request& request, uint64_t number) {
    char room[20];
    return request.arena().copy(TextBuilder(room).add(number).text());
}

/// The header's part of a connection that has one with addresses; else null Text.
template <class Part>
Text of_header(const Request& request, Part&& part) {
    const ProxyHeader* header = request.connection().proxy_header();
    return header != nullptr && header->has_addresses ? part(*header) : Text{};
}

template <class Part>
Text of_tcp(const Request& request, Part&& part) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(request.connection().transport().fd(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
    return number_text(request, part(info));
}

}  // namespace

Text proxy_protocol_addr(const Request& request) {
    return of_header(request, [&](const ProxyHeader& header) { return header.source.host_text(request.arena()); });
}
Text proxy_protocol_port(const Request& request) {
    return of_header(request, [&](const ProxyHeader& header) { return number_text(request, header.source.port()); });
}
Text proxy_protocol_server_addr(const Request& request) {
    return of_header(request,
                     [&](const ProxyHeader& header) { return header.destination.host_text(request.arena()); });
}
Text proxy_protocol_server_port(const Request& request) {
    return of_header(request,
                     [&](const ProxyHeader& header) { return number_text(request, header.destination.port()); });
}
Text proxy_protocol_tlv(Request& request, Text name) {
    const ProxyHeader* header = request.connection().proxy_header();
    return header != nullptr ? header->tlv(name) : Text{};
}

Text tcpinfo_rtt(const Request& request) {
    return of_tcp(request, [](const tcp_info& info) { return info.tcpi_rtt; });
}
Text tcpinfo_rttvar(const Request& request) {
    return of_tcp(request, [](const tcp_info& info) { return info.tcpi_rttvar; });
}
Text tcpinfo_snd_cwnd(const Request& request) {
    return of_tcp(request, [](const tcp_info& info) { return info.tcpi_snd_cwnd; });
}
Text tcpinfo_rcv_space(const Request& request) {
    return of_tcp(request, [](const tcp_info& info) { return info.tcpi_rcv_space; });
}

}  // namespace sluice::http
