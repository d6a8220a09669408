// EventsConf: the `events` block. Its directives stand in events_directives.cpp.
#pragma once

#include <vector>

#include "core/conf/conf_type.h"
#include "core/conf/parser.h"
#include "core/conf/setting.h"
#include "event/cidr.h"
#include "event/loop.h"

namespace sluice::cycle {

struct EventsConf {
    static conf::Slot slot;

    Setting<uint32_t> worker_connections;
    Setting<event::BackendKind> use;
    Setting<bool> multi_accept;
    Setting<bool> accept_mutex;
    Setting<Msec> accept_mutex_delay;
    Setting<uint32_t> worker_aio_requests;
    Setting<uint32_t> epoll_events;
    std::vector<event::Cidr> debug_connections;
};

/// What the main context keeps of the block: that it was there, and its structs.
struct EventsBlock {
    static conf::Slot slot;

    bool is_written = false;
    conf::ConfSet set;
};

}  // namespace sluice::cycle
