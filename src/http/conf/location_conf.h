// LocationConf: http_core's settings of a location (and, with that, of servers and the whole of http as defaults).
#pragma once

#include "core/conf/conf_type.h"
#include "core/conf/sequence.h"
#include "core/conf/setting.h"
#include "core/conf/value.h"
#include "core/log/log.h"
#include "core/script/complex_value.h"
#include "http/conf/mime_types.h"
#include "http/fields/method.h"
#include "http/phase.h"
#include "http/static/symlinks.h"

namespace sluice::http {

struct Location;
class LocationTable;
class OpenFileCache;

enum class Satisfy : uint8_t { all, any };
enum class IfModifiedSince : uint8_t { off, exact, before };
enum class LingeringClose : uint8_t { off, on, always };
enum class BodyInFileOnly : uint8_t { off, on, clean };
/// Browsers that keepalive_disable names; `none` switches it off.
enum class OldBrowser : uint8_t { none, msie6, safari };
enum class ServerTokens : uint8_t { off, on, build };
enum class Aio : uint8_t { off, kernel, threads };

/// `root` or `alias`; which one decides how a URI becomes a path.
struct Root {
    script::Complex path;
    bool is_alias = false;
    bool is_whole = false;  ///< an alias of a regex location: its value is the whole path
    Text replaced = {};     ///< of any other alias: the beginning of the URI that it stands for
};

/// One `error_page` rule for one status.
struct ErrorPage {
    uint16_t status = 0;
    int overwrite = -1;   ///< `=200`; 0 for `=` (take the page's own status); -1: keep the original
    script::Complex uri;  ///< path with arguments, @name or absolute URL
};

/// How files are read.
struct AioSettings {
    Aio way = Aio::off;
    script::Complex pool;  ///< name of the thread pool
};

struct KeepaliveTimeout {
    Msec timeout{75'000};
    Seconds header{0};  ///< value of the Keep-Alive field; 0: not sent
};

struct DisableSymlinks {
    SymlinkCheck check = SymlinkCheck::off;
    script::Complex from;  ///< part of the path that is not checked
};

/// A path with up to three levels of hashed folders, as client_body_temp_path and proxy_temp_path take it.
struct TempPath {
    static constexpr uint8_t kDigits = 10;  ///< of a file's name; the folders' names are taken from its end

    Text path;  ///< absolute, no trailing slash
    std::array<uint8_t, 3> levels{};
};

struct LocationConf {
    static conf::Slot slot;

    // What answers.
    Setting<Handler>
        content_handler;  ///< set by proxy_pass, stub_status, return, …; `if` and limit_except take it over
    Setting<Root> root;
    Setting<conf::Sequence<ErrorPage>> error_pages;
    Setting<bool> is_internal;
    Setting<Satisfy> satisfy;
    Setting<const MimeTypes*> types;
    Setting<Text> default_type;

    // Bodies that come in.
    Setting<Offset> client_max_body_size;
    Setting<Bytes> client_body_buffer_size;
    Setting<Msec> client_body_timeout;
    Setting<TempPath> client_body_temp_path;
    Setting<BodyInFileOnly> client_body_in_file_only;
    Setting<bool> client_body_in_single_buffer;

    // Bodies that go out.
    Setting<bool> sendfile;
    Setting<Bytes> sendfile_max_chunk;
    Setting<AioSettings> aio;
    Setting<bool> aio_write;
    Setting<Bytes> read_ahead;
    Setting<Offset> directio;  ///< -1: off
    Setting<Offset> directio_alignment;
    Setting<conf::BufferCount> output_buffers;
    Setting<Bytes> subrequest_output_buffer_size;
    Setting<bool> tcp_nopush;
    Setting<bool> tcp_nodelay;
    Setting<Bytes> send_lowat;
    Setting<Bytes> postpone_output;
    Setting<Msec> send_timeout;
    Setting<script::ComplexBytes> limit_rate;
    Setting<script::ComplexBytes> limit_rate_after;

    // The connection.
    Setting<Msec> keepalive_time;
    Setting<KeepaliveTimeout> keepalive_timeout;
    Setting<Msec> keepalive_min_timeout;
    Setting<uint32_t> keepalive_requests;
    Setting<conf::Flags<OldBrowser>> keepalive_disable;
    Setting<LingeringClose> lingering_close;
    Setting<Msec> lingering_time;
    Setting<Msec> lingering_timeout;
    Setting<bool> reset_timedout_connection;

    // Redirects and the built-in pages.
    Setting<bool> absolute_redirect;
    Setting<bool> server_name_in_redirect;
    Setting<bool> port_in_redirect;
    Setting<bool> msie_padding;
    Setting<bool> msie_refresh;
    Setting<bool> recursive_error_pages;
    Setting<ServerTokens> server_tokens;
    Setting<Msec> auth_delay;
    Setting<script::Predicates> early_hints;
    Setting<Text> post_action;

    // Static files and validators.
    Setting<IfModifiedSince> if_modified_since;
    Setting<uint32_t> max_ranges;  ///< UINT32_MAX: no limit
    Setting<bool> chunked_transfer_encoding;
    Setting<bool> etag;
    Setting<OpenFileCache*> open_file_cache;  ///< the worker's own; null: off
    Setting<Seconds> open_file_cache_valid;
    Setting<uint32_t> open_file_cache_min_uses;
    Setting<bool> open_file_cache_errors;
    Setting<bool> open_file_cache_events;
    Setting<DisableSymlinks> disable_symlinks;

    // Logs.
    Setting<bool> log_not_found;
    Setting<bool> log_subrequest;
    Setting<const LogRoute*> error_log;

    Setting<uint32_t> types_hash_max_size;
    Setting<uint32_t> types_hash_bucket_size;

    // Not directives: the place of this struct in the tree.
    const Location* location = nullptr;
    LocationTable* locations = nullptr;  ///< locations inside; null: none
    conf::Sequence<Location*> unnamed;   ///< `if` and limit_except blocks inside
    const Location* limit_except = nullptr;
    uint32_t limit_except_methods = 0;  ///< bit per Method: those that are NOT limited
    bool is_unnamed = false;            ///< an `if` or limit_except block
};

}  // namespace sluice::http
