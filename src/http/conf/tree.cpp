// The tree: looking for a named location.
#include "http/conf/tree.h"

namespace sluice::http {

const Location* Server::find_named(Text name) const {
    for (const Location* location : named_locations)
        if (location->name == name) return location;
    return nullptr;
}

}  // namespace sluice::http
