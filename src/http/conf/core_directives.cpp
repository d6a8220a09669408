// http_core's rows: one line a directive. What a word or a block needs beyond its type is parsed in the files named
// parse_*.
#include "config.h"
#include "core/conf/unsupported.h"
#include "http/conf/core_names.h"
#include "http/conf/core_parsers.h"
#include "http/conf/http_conf.h"
#include "http/conf/location_conf.h"
#include "http/conf/server_conf.h"
#include "http/core_variables.h"
#include "http/early_body.h"
#include "http/module.h"
#include "http/modules.h"

namespace sluice::http {

namespace {

using conf::Context;
using conf::Inherit;
using L = LocationConf;
using S = ServerConf;

constexpr conf::Contexts kServerUp = Context::http | Context::http_server;
constexpr conf::Contexts kWithIf = anywhere | Context::http_location_if;

constexpr std::array kDirectives{
    // Blocks and addresses.
    block<HttpConf, parse::server_block>("server", {.where = Context::http, .help = "a virtual server"}),
    block<L, parse::location_block>("location", {.where = Context::http_server | Context::http_location,
                                                 .help = "settings for a part of the URIs",
                                                 .arity = {1, 2},
                                                 .syntax = "[= | ~ | ~* | ^~] uri | @name"}),
    block<L, parse::limit_except_block>("limit_except", {.where = Context::http_location,
                                                         .help = "limits all methods but those named",
                                                         .arity = {1, conf::Arity::kMany},
                                                         .syntax = "method ..."}),
    action<S, parse::listen>("listen", {.where = Context::http_server,
                                        .initial = "*:80",
                                        .help = "an address and port, or a unix socket, to accept requests on",
                                        .arity = {1, conf::Arity::kMany},
                                        .syntax = "address[:port] | port | unix:path [parameters]"}),
    action<S, parse::server_name>("server_name", {.where = Context::http_server,
                                                  .help = "names of the virtual server",
                                                  .arity = {1, conf::Arity::kMany},
                                                  .syntax = "name ..."}),

    // Reading requests.
    custom<&S::connection_pool_size, parse::pool_size>("connection_pool_size", {.where = kServerUp,
                                                                                .initial = "512",
                                                                                .help = "accepted for compatibility",
                                                                                .arity = {1, 1},
                                                                                .syntax = "size"}),
    custom<&S::request_pool_size, parse::pool_size>("request_pool_size", {.where = kServerUp,
                                                                          .initial = "4k",
                                                                          .help = "accepted for compatibility",
                                                                          .arity = {1, 1},
                                                                          .syntax = "size"}),
    directive<&S::client_header_timeout>(
        "client_header_timeout",
        {.where = kServerUp, .initial = "60s", .help = "time for a request's head to arrive"}),
    directive<&S::client_header_buffer_size>(
        "client_header_buffer_size",
        {.where = kServerUp, .initial = "1k", .help = "first buffer for a request's head"}),
    directive<&S::large_client_header_buffers>(
        "large_client_header_buffers",
        {.where = kServerUp, .initial = "4 8k", .help = "number and size of further buffers for a request's head"}),
    directive<&S::max_headers>("max_headers", {.where = kServerUp,
                                               .initial = "1000",
                                               .help = "most header lines that a request may have",
                                               .range = {1, 1'000'000}}),
    directive<&S::ignore_invalid_headers>(
        "ignore_invalid_headers",
        {.where = kServerUp, .initial = "on", .help = "drops header lines with unusual names"}),
    directive<&S::merge_slashes>(
        "merge_slashes", {.where = kServerUp, .initial = "on", .help = "takes adjacent slashes of a URI for one"}),
    directive<&S::underscores_in_headers>(
        "underscores_in_headers",
        {.where = kServerUp, .initial = "off", .help = "takes header names with underscores for valid"}),
    custom<&S::client_body_early_read, parse::body_early_read>(
        "client_body_early_read",
        {.where = kServerUp,
         .help = "conditions for reading a request's body before rewrite rules see the request",
         .arity = {1, conf::Arity::kMany},
         .may_repeat = true,
         .syntax = "condition ... | off"}),

    // Files and types.
    custom<&L::root, parse::root>("root", {.where = kWithIf,
                                           .initial = "html",
                                           .help = "folder that URIs are appended to",
                                           .arity = {1, 1},
                                           .may_repeat = true,
                                           .syntax = "path"}),
    custom<&L::root, parse::alias>("alias", {.where = Context::http_location,
                                             .help = "path that replaces the location's prefix",
                                             .arity = {1, 1},
                                             .may_repeat = true,
                                             .syntax = "path"}),
    block<L, parse::types_block>("types", {.where = anywhere,
                                           .initial = "text/html html; image/gif gif; image/jpeg jpg;",
                                           .help = "maps file extensions to media types"}),
    directive<&L::default_type>("default_type", {.where = anywhere,
                                                 .initial = "text/plain",
                                                 .help = "media type of files with other extensions",
                                                 .syntax = "mime-type"}),
    directive<&L::types_hash_max_size>("types_hash_max_size",
                                       {.where = anywhere, .initial = "1024", .help = "accepted for compatibility"}),
    directive<&L::types_hash_bucket_size>("types_hash_bucket_size",
                                          {.where = anywhere, .initial = "64", .help = "accepted for compatibility"}),
    custom<&L::is_internal, parse::internal>(
        "internal", {.where = Context::http_location, .help = "only internal requests find the location"}),
    directive<&L::satisfy>(
        "satisfy", {.where = anywhere, .initial = "all", .help = "whether all access modules or any must agree"}),

    // Bodies that come in.
    directive<&L::client_max_body_size>("client_max_body_size",
                                        {.where = anywhere, .initial = "1m", .help = "largest request body; 0: any"}),
    directive<&L::client_body_buffer_size>(
        "client_body_buffer_size", {.where = anywhere, .initial = "16k", .help = "memory for a request body"}),
    directive<&L::client_body_timeout>(
        "client_body_timeout",
        {.where = anywhere, .initial = "60s", .help = "time between two reads of a request body"}),
    custom<&L::client_body_temp_path, parse::temp_path>("client_body_temp_path",
                                                        {.where = anywhere,
                                                         .initial = SLUICE_CLIENT_BODY_TEMP_PATH,
                                                         .help = "folder of temporary files for request bodies",
                                                         .arity = {1, 4},
                                                         .syntax = "path [level1 [level2 [level3]]]"}),
    directive<&L::client_body_in_file_only>(
        "client_body_in_file_only",
        {.where = anywhere, .initial = "off", .help = "saves every request body to a file"}),
    directive<&L::client_body_in_single_buffer>(
        "client_body_in_single_buffer",
        {.where = anywhere, .initial = "off", .help = "accepted: a body in memory always is in one piece"}),

    // Bodies that go out.
    directive<&L::sendfile>("sendfile",
                            {.where = kWithIf, .initial = "off", .help = "sends files from the page cache"}),
    directive<&L::sendfile_max_chunk>(
        "sendfile_max_chunk", {.where = anywhere, .initial = "2m", .help = "most that one sendfile call transfers"}),
    custom<&L::aio, parse::aio>("aio", {.where = anywhere,
                                        .initial = "off",
                                        .help = "reads and sends files without blocking: in threads, or by io_uring",
                                        .arity = {1, 1},
                                        .syntax = "on | off | threads[=pool]"}),
    directive<&L::aio_write>("aio_write",
                             {.where = anywhere, .initial = "off", .help = "writes temporary files in threads"}),
    directive<&L::read_ahead>("read_ahead",
                              {.where = anywhere, .initial = "0", .help = "read-ahead of the kernel for a file"}),
    custom<&L::directio, parse::directio>("directio", {.where = anywhere,
                                                       .initial = "off",
                                                       .help = "reads files from this size on past the page cache",
                                                       .arity = {1, 1},
                                                       .syntax = "size | off"}),
    directive<&L::directio_alignment>("directio_alignment",
                                      {.where = anywhere, .initial = "512", .help = "alignment for directio"}),
    directive<&L::output_buffers>("output_buffers",
                                  {.where = anywhere, .initial = "2 32k", .help = "buffers for reading a file"}),
    directive<&L::subrequest_output_buffer_size>(
        "subrequest_output_buffer_size",
        {.where = anywhere, .initial = "4k", .help = "largest body of a subrequest kept in memory"}),
    directive<&L::tcp_nopush>(
        "tcp_nopush",
        {.where = anywhere, .initial = "off", .help = "a large file shares a packet with the head in front of it"}),
    directive<&L::tcp_nodelay>("tcp_nodelay",
                               {.where = anywhere, .initial = "on", .help = "sends small packets at once"}),
    custom<&L::send_lowat, conf::unsupported_size>(
        "send_lowat",
        {.where = anywhere, .initial = "0", .help = "accepted for compatibility", .arity = {1, 1}, .syntax = "size"}),
    directive<&L::postpone_output>(
        "postpone_output",
        {.where = anywhere, .initial = "1460", .help = "bytes of a buffered answer that are waited for"}),
    directive<&L::send_timeout>("send_timeout",
                                {.where = anywhere, .initial = "60s", .help = "time between two writes to a client"}),
    directive<&L::limit_rate>("limit_rate",
                              {.where = kWithIf, .initial = "0", .help = "bytes a second per response; 0: any"}),
    directive<&L::limit_rate_after>(
        "limit_rate_after", {.where = kWithIf, .initial = "0", .help = "bytes sent before limit_rate applies"}),

    // The connection.
    directive<&L::keepalive_time>(
        "keepalive_time",
        {.where = anywhere, .initial = "1h", .help = "longest life of a connection that serves several requests"}),
    custom<&L::keepalive_timeout, parse::keepalive_timeout>("keepalive_timeout",
                                                            {.where = anywhere,
                                                             .initial = "75s",
                                                             .help = "how long an idle connection stays open",
                                                             .arity = {1, 2},
                                                             .syntax = "timeout [header_timeout]"}),
    directive<&L::keepalive_min_timeout>(
        "keepalive_min_timeout",
        {.where = anywhere, .initial = "0", .help = "how long an idle connection stays open at least"}),
    directive<&L::keepalive_requests>("keepalive_requests",
                                      {.where = anywhere, .initial = "1000", .help = "requests on one connection"}),
    directive<&L::keepalive_disable>(
        "keepalive_disable",
        {.where = anywhere, .initial = "msie6", .help = "browsers that get no kept connections", .arity = {1, 2}}),
    directive<&L::lingering_close>(
        "lingering_close",
        {.where = anywhere, .initial = "on", .help = "reads on after the last response so that it is not lost"}),
    directive<&L::lingering_time>("lingering_time",
                                  {.where = anywhere, .initial = "30s", .help = "longest lingering"}),
    directive<&L::lingering_timeout>(
        "lingering_timeout", {.where = anywhere, .initial = "5s", .help = "time between two reads while lingering"}),
    directive<&L::reset_timedout_connection>(
        "reset_timedout_connection",
        {.where = anywhere, .initial = "off", .help = "resets connections that timed out"}),

    // Redirects and built-in pages.
    action<L, parse::error_page>("error_page", {.where = kWithIf,
                                                .help = "what is shown for an error",
                                                .arity = {2, conf::Arity::kMany},
                                                .syntax = "code ... [=[response]] uri"}),
    conf::inherited<&L::error_pages>(),
    conf::inherited<&L::types>(),
    conf::inherited<&L::error_log>(),
    conf::inherited<&L::content_handler>(Inherit::unnamed),
    directive<&L::absolute_redirect>("absolute_redirect",
                                     {.where = anywhere, .initial = "on", .help = "redirects to absolute addresses"}),
    directive<&L::server_name_in_redirect>(
        "server_name_in_redirect",
        {.where = anywhere, .initial = "off", .help = "redirects to the first server_name instead of Host"}),
    directive<&L::port_in_redirect>("port_in_redirect",
                                    {.where = anywhere, .initial = "on", .help = "redirects name the port"}),
    directive<&L::msie_padding>("msie_padding",
                                {.where = anywhere, .initial = "on", .help = "pads error pages for old browsers"}),
    directive<&L::msie_refresh>("msie_refresh",
                                {.where = anywhere, .initial = "off", .help = "redirects old browsers by a page"}),
    directive<&L::recursive_error_pages>(
        "recursive_error_pages", {.where = anywhere, .initial = "off", .help = "an error page may lead to another"}),
    directive<&L::server_tokens>(
        "server_tokens",
        {.where = anywhere, .initial = "on", .help = "shows the version in Server and built-in pages"}),
    directive<&L::auth_delay>("auth_delay",
                              {.where = anywhere, .initial = "0s", .help = "delays refusals with status 401"}),
    directive<&L::early_hints>(
        "early_hints", {.where = anywhere, .help = "conditions under which an upstream's 103 goes on to the client"}),
    directive<&L::post_action>("post_action",
                               {.where = kWithIf, .help = "a subrequest after the response", .syntax = "uri"}),

    // Validators and open files.
    directive<&L::if_modified_since>(
        "if_modified_since", {.where = anywhere, .initial = "exact", .help = "how If-Modified-Since compares"}),
    directive<&L::max_ranges>(
        "max_ranges", {.where = anywhere, .initial = "4294967295", .help = "most ranges answered in one response"}),
    directive<&L::chunked_transfer_encoding>(
        "chunked_transfer_encoding",
        {.where = anywhere, .initial = "on", .help = "uses chunks where the length is unknown"}),
    directive<&L::etag>("etag", {.where = anywhere, .initial = "on", .help = "makes ETag for static files"}),
    custom<&L::open_file_cache, parse::open_file_cache>("open_file_cache",
                                                        {.where = anywhere,
                                                         .initial = "off",
                                                         .help = "keeps open files, sizes and errors",
                                                         .arity = {1, 2},
                                                         .syntax = "off | max=N [inactive=time]"}),
    directive<&L::open_file_cache_valid>(
        "open_file_cache_valid",
        {.where = anywhere, .initial = "60s", .help = "after which time an entry is checked"}),
    directive<&L::open_file_cache_min_uses>(
        "open_file_cache_min_uses", {.where = anywhere, .initial = "1", .help = "uses that keep a file open"}),
    directive<&L::open_file_cache_errors>("open_file_cache_errors",
                                          {.where = anywhere, .initial = "off", .help = "keeps errors, too"}),
    directive<&L::open_file_cache_events>(
        "open_file_cache_events", {.where = anywhere, .initial = "off", .help = "accepted for compatibility"}),
    custom<&L::disable_symlinks, parse::disable_symlinks>("disable_symlinks",
                                                          {.where = anywhere,
                                                           .initial = "off",
                                                           .help = "refuses paths with symbolic links",
                                                           .arity = {1, 2},
                                                           .syntax = "off | on | if_not_owner [from=part]"}),

    // Logs.
    directive<&L::log_not_found>("log_not_found",
                                 {.where = anywhere, .initial = "on", .help = "logs files that are not found"}),
    directive<&L::log_subrequest>(
        "log_subrequest", {.where = anywhere, .initial = "off", .help = "writes subrequests to the access log"}),
    action<L, parse::error_log>(
        "error_log", {.where = anywhere,
                      .help = "a target of the error log, its level, and whether it gets JSON (Sluice's own)",
                      .arity = {1, conf::Arity::kMany},
                      .syntax = "file | stderr | syslog:... | memory:size [level] [json]"}),

    // Sizes of hashes are never the user's problem.
    directive<&HttpConf::variables_hash_max_size>(
        "variables_hash_max_size", {.where = Context::http, .initial = "1024", .help = "accepted for compatibility"}),
    directive<&HttpConf::variables_hash_bucket_size>(
        "variables_hash_bucket_size",
        {.where = Context::http, .initial = "64", .help = "accepted for compatibility"}),
    directive<&HttpConf::server_names_hash_max_size>(
        "server_names_hash_max_size",
        {.where = Context::http, .initial = "512", .help = "accepted for compatibility"}),
    directive<&HttpConf::server_names_hash_bucket_size>(
        "server_names_hash_bucket_size",
        {.where = Context::http, .initial = "64", .help = "accepted for compatibility"}),
};

Result<void> complete_server(conf::Parser& parser, ServerConf& server, const ServerConf*) {
    if (server.large_client_header_buffers->size.count >= server.connection_pool_size->count) return {};
    parser.point_at(server.large_client_header_buffers);
    return Error(
        "the \"large_client_header_buffers\" size must be equal to or greater than \"connection_pool_size\"");
}

// Behind those that may refuse the request for what its connection is.
constexpr std::array kPhases{PhaseHandler{Phase::post_read, read_body_early, 100}};

constexpr Module kModule{
    .name = "http_core",
    .main = conf_type<HttpConf>(),
    .server = conf_type<ServerConf, complete_server>(),
    .location = conf_type<LocationConf, parse::complete_location>(),
    .directives = kDirectives,
    .variables = std::span<const Variable>(kCoreVariables),
    .phases = kPhases,
};

}  // namespace

constinit const module::Descriptor kCoreModule = describe(kModule);

}  // namespace sluice::http
