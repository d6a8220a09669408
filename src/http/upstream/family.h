// The rows of the settings that the modules of the proxy family share, with their prefix as a parameter:
//   constexpr auto kFamily = upstream::family<ProxyConf, "proxy_">();
#pragma once

#include <array>

#include "core/conf/directive.h"
#include "core/conf/prefix.h"
#include "core/conf/unsupported.h"
#include "http/module.h"
#include "http/upstream/conf.h"

namespace sluice::http::upstream {

/// Settings that every member of the family has. `C` derives from Conf. `TempPathDefault`: the configured default of
/// P_temp_path.
template <class C, conf::FixedText P, conf::FixedText TempPathDefault>
constexpr auto family() {
    using conf::custom;
    using conf::directive;
    using conf::joined;
    return std::array{
        directive<&Conf::connect_timeout, C>(
            joined<P, "connect_timeout">,
            {.where = anywhere, .initial = "60s", .help = "time for a connection to an upstream to be made"}),
        directive<&Conf::send_timeout, C>(
            joined<P, "send_timeout">,
            {.where = anywhere, .initial = "60s", .help = "time between two writes of a request to an upstream"}),
        directive<&Conf::read_timeout, C>(
            joined<P, "read_timeout">,
            {.where = anywhere, .initial = "60s", .help = "time between two reads of an upstream's answer"}),
        custom<&Conf::send_lowat, conf::unsupported_size, C>(joined<P, "send_lowat">,
                                                             {.where = anywhere,
                                                              .initial = "0",
                                                              .help = "accepted for compatibility",
                                                              .arity = {1, 1},
                                                              .syntax = "size"}),
        directive<&Conf::buffering, C>(
            joined<P, "buffering">,
            {.where = anywhere, .initial = "on", .help = "reads an answer as fast as the upstream sends it"}),
        directive<&Conf::request_buffering, C>(
            joined<P, "request_buffering">,
            {.where = anywhere, .initial = "on", .help = "reads the whole request body before asking the upstream"}),
        directive<&Conf::ignore_client_abort, C>(
            joined<P, "ignore_client_abort">,
            {.where = anywhere, .initial = "off", .help = "goes on although the client has gone"}),
        directive<&Conf::intercept_errors, C>(
            joined<P, "intercept_errors">,
            {.where = anywhere, .initial = "off", .help = "error_page applies to answers of the upstream"}),
        directive<&Conf::force_ranges, C>(
            joined<P, "force_ranges">,
            {.where = anywhere, .initial = "off", .help = "serves ranges whatever the upstream says"}),
        directive<&Conf::pass_request_headers, C>(
            joined<P, "pass_request_headers">,
            {.where = anywhere, .initial = "on", .help = "sends the client's header fields on"}),
        directive<&Conf::pass_request_body, C>(joined<P, "pass_request_body">,
                                               {.where = anywhere, .initial = "on", .help = "sends the body on"}),
        directive<&Conf::socket_keepalive, C>(
            joined<P, "socket_keepalive">,
            {.where = anywhere, .initial = "off", .help = "TCP keep-alive probes to the upstream"}),
        directive<&Conf::socket_rcvbuf, C>(joined<P, "socket_rcvbuf">,
                                           {.where = anywhere, .help = "receive buffer of sockets to the upstream"}),
        directive<&Conf::socket_sndbuf, C>(joined<P, "socket_sndbuf">,
                                           {.where = anywhere, .help = "send buffer of sockets to the upstream"}),
        conf::custom<&Conf::bind, parse::bind, C>(joined<P, "bind">,
                                                  {.where = anywhere,
                                                   .help = "local address of connections to the upstream",
                                                   .arity = {1, 2},
                                                   .syntax = "address [transparent] | off"}),
        directive<&Conf::buffer_size, C>(
            joined<P, "buffer_size">,
            {.where = anywhere, .initial = "4k", .help = "most that the head of an answer may have"}),
        directive<&Conf::buffers, C>(
            joined<P, "buffers">,
            {.where = anywhere, .initial = "8 4k", .help = "memory for an answer that the client takes slowly"}),
        directive<&Conf::busy_buffers_size, C>(
            joined<P, "busy_buffers_size">,
            {.where = anywhere, .help = "memory of an answer that may be on its way to the client"}),
        directive<&Conf::temp_file_write_size, C>(
            joined<P, "temp_file_write_size">,
            {.where = anywhere, .help = "accepted: files are written in pieces as they come"}),
        directive<&Conf::max_temp_file_size, C>(
            joined<P, "max_temp_file_size">,
            {.where = anywhere, .initial = "1024m", .help = "largest temporary file of an answer; 0: none"}),
        conf::custom<&Conf::temp_path, parse::temp_path, C>(joined<P, "temp_path">,
                                                            {.where = anywhere,
                                                             .initial = TempPathDefault.text(),
                                                             .help = "folder of temporary files for answers",
                                                             .arity = {1, 4},
                                                             .syntax = "path [level1 [level2 [level3]]]"}),
        directive<&Conf::limit_rate, C>(
            joined<P, "limit_rate">,
            {.where = anywhere, .initial = "0", .help = "bytes a second read from the upstream; 0: any"}),
        directive<&Conf::next_upstream, C>(
            joined<P, "next_upstream">,
            {.where = anywhere, .initial = "error timeout", .help = "failures that lead to the next server"}),
        directive<&Conf::next_upstream_tries, C>(
            joined<P, "next_upstream_tries">,
            {.where = anywhere, .initial = "0", .help = "most servers that one request tries; 0: all"}),
        directive<&Conf::next_upstream_timeout, C>(
            joined<P, "next_upstream_timeout">,
            {.where = anywhere, .initial = "0", .help = "time in which other servers may be tried; 0: any"}),
        directive<&Conf::ignore_headers, C>(
            joined<P, "ignore_headers">, {.where = anywhere, .help = "fields of an answer that have no effect here"}),
        directive<&Conf::hide_headers, C>(
            joined<P, "hide_header">,
            {.where = anywhere, .help = "a field of an answer that the client does not get"}),
        directive<&Conf::pass_headers, C>(joined<P, "pass_header">,
                                          {.where = anywhere, .help = "a field that would be hidden otherwise"}),
    };
}

}  // namespace sluice::http::upstream
