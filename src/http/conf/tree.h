// The tree that a configuration becomes: servers, their names and addresses, and the locations inside.
#pragma once

#include <memory>
#include <vector>

#include "core/base/result.h"
#include "core/conf/parser.h"
#include "core/script/regex.h"
#include "event/address.h"
#include "event/listener.h"

namespace sluice::http {

class LocationTable;
struct LocationConf;
struct ServerConf;

struct Location {
    enum class Kind : uint8_t {
        exact,         ///< location = /x
        prefix,        ///< location /x
        prefix_final,  ///< location ^~ /x: no regex is tried
        regex,         ///< location ~ x and ~* x
        named,         ///< location @x
        unnamed,       ///< `if`, limit_except
        root,          ///< the server block itself
    };

    Kind kind = Kind::root;
    Text name;            ///< as written, without the modifier
    conf::ConfSet confs;  ///< level location
    const script::Regex* regex = nullptr;
    LocationConf* core = nullptr;     ///< its LocationConf, for short
    bool redirects_to_slash = false;  ///< "/x/" with a handler of its own: a request of "/x" is sent to "/x/" (301)
};

/// One name of `server_name`.
struct ServerName {
    Text name;  ///< lower case; "" is a name, too
    const script::Regex* regex = nullptr;
};

struct Server {
    conf::ConfSet confs;  ///< level server
    Location root;        ///< its own level location, and the home of its location table
    std::vector<ServerName> names;
    std::vector<Location*> named_locations;
    ServerConf* core = nullptr;
    Text file;  ///< where it was written, for messages
    uint32_t line = 0;
    bool has_listen = false;

    /// $server_name: the first name as written, but without the dot of `.example.com`.
    Text name() const {
        const Text first = names.empty() ? Text{} : names.front().name;
        return first.starts_with('.') ? first.substr(1) : first;
    }
    const Location* find_named(Text name) const;
};

}  // namespace sluice::http
