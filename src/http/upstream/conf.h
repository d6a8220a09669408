// Conf: the settings that every module of the proxy family has in common (proxy_, fastcgi_, uwsgi_, scgi_, grpc_):
// timeouts, buffers, retries, which fields of an answer pass. The rows are in family.h.
#pragma once

#include "core/conf/sequence.h"
#include "core/conf/setting.h"
#include "core/conf/value.h"
#include "core/script/complex_value.h"
#include "event/address.h"
#include "http/conf/location_conf.h"
#include "http/upstream/name_set.h"

namespace sluice::http::upstream {

/// What may lead to another try: the words of `proxy_next_upstream`, in their order there.
enum class Failure : uint8_t {
    error,    ///< refused, reset, closed too early
    timeout,  ///< no answer in time
    denied,   ///< accepted; nothing here produces it
    invalid_header,
    http_500,
    http_502,
    http_503,
    http_504,
    http_403,
    http_404,
    http_429,
    updating,        ///< of the cache
    non_idempotent,  ///< not a failure: POST, LOCK and PATCH may be repeated as well
    off,             ///< not a failure: nothing is repeated
    http_other,      ///< any other status; never repeated, not in the configuration
};

/// Fields of an answer that `proxy_ignore_headers` switches off.
enum class IgnoredHeader : uint8_t {
    x_accel_redirect,
    x_accel_expires,
    x_accel_limit_rate,
    x_accel_buffering,
    x_accel_charset,
    expires,
    cache_control,
    set_cookie,
    vary,
};

/// `proxy_bind ADDRESS [transparent]`, `off`.
struct Bind {
    script::Complex address;
    bool is_on = false;
    bool is_transparent = false;
};

struct Conf {
    Setting<Msec> connect_timeout;
    Setting<Msec> send_timeout;
    Setting<Msec> read_timeout;
    Setting<Bytes> send_lowat;

    Setting<bool> buffering;
    Setting<bool> request_buffering;
    Setting<bool> ignore_client_abort;
    Setting<bool> intercept_errors;
    Setting<bool> force_ranges;
    Setting<bool> pass_request_headers;
    Setting<bool> pass_request_body;
    Setting<bool> socket_keepalive;
    Setting<Bytes> socket_rcvbuf;
    Setting<Bytes> socket_sndbuf;
    Setting<Bind> bind;

    Setting<Bytes> buffer_size;          ///< for the head of an answer
    Setting<conf::BufferCount> buffers;  ///< memory for what a slow client does not take
    Setting<Bytes> busy_buffers_size;    ///< checked against the others
    Setting<Bytes> temp_file_write_size;
    Setting<Bytes> max_temp_file_size;  ///< 0: no temporary files
    Setting<TempPath> temp_path;
    Setting<script::ComplexBytes> limit_rate;  ///< bytes a second read from the upstream; 0: any

    Setting<conf::Flags<Failure>> next_upstream;
    Setting<uint32_t> next_upstream_tries;  ///< 0: any number
    Setting<Msec> next_upstream_timeout;    ///< 0: no limit

    Setting<conf::Flags<IgnoredHeader>> ignore_headers;
    Setting<conf::Sequence<Text>> hide_headers;
    Setting<conf::Sequence<Text>> pass_headers;

    // Not directives: what complete() makes of them.
    const NameSet* hidden = nullptr;  ///< names of an answer's fields that don't reach the client
    int64_t memory_limit = 0;         ///< bytes of a body that wait in memory for the client
    bool can_buffer = true;           ///< whether an answer may be buffered because it says so (X-Accel-Buffering)
};

/// Names hidden unless `proxy_pass_header` names them.
using HiddenByDefault = std::span<const Text>;

/// Checks the sizes against each other, in nginx's words, and builds what requests need. `prefix`: "proxy_".
Result<void> complete(conf::Parser& parser, Conf& conf, Text prefix, HiddenByDefault hidden);

namespace parse {
Result<void> bind(conf::Parser& parser, Setting<Bind>& field, conf::Arguments words);
Result<void> temp_path(conf::Parser& parser, Setting<TempPath>& field, conf::Arguments words);
}  // namespace parse

}  // namespace sluice::http::upstream

namespace sluice::conf {

template <>
struct EnumNames<http::upstream::Failure> {
    static constexpr std::array<Text, 14> names{
        "error",    "timeout",  "denied",   "invalid_header", "http_500", "http_502",       "http_503",
        "http_504", "http_403", "http_404", "http_429",       "updating", "non_idempotent", "off"};
};

template <>
struct EnumNames<http::upstream::IgnoredHeader> {
    static constexpr std::array<Text, 9> names{"X-Accel-Redirect",  "X-Accel-Expires", "X-Accel-Limit-Rate",
                                               "X-Accel-Buffering", "X-Accel-Charset", "Expires",
                                               "Cache-Control",     "Set-Cookie",      "Vary"};
};

}  // namespace sluice::conf
