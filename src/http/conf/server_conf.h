// ServerConf: http_core's settings of a server block.
#pragma once

#include <vector>

#include "core/conf/conf_type.h"
#include "core/conf/setting.h"
#include "core/conf/value.h"
#include "core/script/complex_value.h"

namespace sluice::http {

struct Server;

struct ServerConf {
    static conf::Slot slot;

    Setting<Bytes> connection_pool_size;
    Setting<Bytes> request_pool_size;
    Setting<Msec> client_header_timeout;
    Setting<Bytes> client_header_buffer_size;
    Setting<conf::BufferCount> large_client_header_buffers;
    Setting<uint32_t> max_headers;
    Setting<bool> ignore_invalid_headers;
    Setting<bool> merge_slashes;
    Setting<bool> underscores_in_headers;
    Setting<script::Predicates> client_body_early_read;

    // Not a directive.
    Server* server = nullptr;
};

}  // namespace sluice::http
