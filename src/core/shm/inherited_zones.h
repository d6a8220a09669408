// InheritedZones: zones that the binary before this one hands over, as it does listening sockets: by descriptors that
// the environment variable SLUICE_ZONES names ("9;10;"). What each one is stands at its begin (ZoneLabel).
#pragma once

#include <memory>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/log/log.h"
#include "core/shm/mapping.h"

namespace sluice::shm {

class InheritedZones {
 public:
    static constexpr const char* kVariable = "SLUICE_ZONES";

    InheritedZones() = default;
    InheritedZones(const InheritedZones&) = delete;

    /// Takes over what the variable names, and removes the variable. What is no zone stays open and is not touched.
    void take_over(const Log& log);
    /// The memory of the zone of this name; null when there is none, or, with a `notice`, when it is of no use:
    /// another user, layout or size, or its place is taken. Those that nobody asks for go with this object.
    std::shared_ptr<Mapping> claim(const ZoneLabel& wanted, const Log& log);

 private:
    struct Offer {
        UniqueFd fd;
        ZoneLabel label;
    };
    bool take_over(int fd);

    std::vector<Offer> offers_;
};

}  // namespace sluice::shm
