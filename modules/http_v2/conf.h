// The settings of http_v2.
#pragma once

#include <sluice/sdk.h>

namespace sluice::http2 {

struct MainConf {
    Setting<Bytes> recv_buffer_size;
};

struct ServerConf {
    Setting<bool> enabled;
    Setting<uint32_t> max_concurrent_streams;
    Setting<Bytes> body_preread_size;
    Setting<Bytes> pool_size;
    Setting<uint32_t> streams_index_size;
};

struct LocationConf {
    Setting<Bytes> chunk_size;
};

/// The module's struct of a server's level, where there is no request yet.
inline const ServerConf& conf_of(const http::Server& server) {
    return *static_cast<const ServerConf*>(server.confs.find(conf::slot_of<ServerConf>()));
}

}  // namespace sluice::http2
