// GrpcConf: the settings of http_grpc in a location.
#pragma once

#include <sluice/event/tls/client.h>
#include <sluice/http/upstream/conf.h>
#include <sluice/http/upstream/field_template.h>
#include <sluice/http/upstream/shared_session.h>

#include "target.h"

namespace sluice::grpc {

struct GrpcConf : http::upstream::Conf, event::tls::ClientSettings {
    Setting<const Target*> target;
    Setting<conf::Sequence<http::upstream::SetHeader>> set_headers;

    // Not directives.
    const http::upstream::FieldTemplate* fields = nullptr;
    const http::upstream::SharedSessions* sessions = nullptr;
};

}  // namespace sluice::grpc
