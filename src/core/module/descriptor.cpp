// Families by name.
#include "core/module/descriptor.h"

namespace sluice::module {

Text family_name(Family family) {
    switch (family) {
        case Family::core: return "core";
        case Family::events: return "events";
        case Family::http: return "http";
        case Family::stream: return "stream";
    }
    return {};
}

}  // namespace sluice::module
