// Zones: the shared-memory zones of a generation by name; declared while the configuration is read, mapped when it is
// complete. A zone of the same name, size, user and layout is carried over by a reload, and by an upgrade of the
// binary.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/base/descriptor_list.h"
#include "core/base/result.h"
#include "core/base/units.h"
#include "core/log/log.h"
#include "core/shm/zone.h"

namespace sluice::shm {

class Zones {
 public:
    Zones() = default;
    Zones(const Zones&) = delete;

    /// Declares a zone, or finds the one declared before. `size` 0: a reference, the size is said elsewhere. Errors
    /// in nginx's words: `the size N of shared memory zone "x" conflicts with already declared size M`, `the shared
    /// memory zone "x" is already declared for a different use`. A second declaration keeps the first's ZoneUse,
    /// whose prepare, adopt and data a declaration without a size may leave open.
    Result<Zone*> add(Text name, Bytes size, const ZoneUse& use);
    /// The declared zone, or null.
    Zone* find(Text name) const;

    /// Maps all zones, carrying over what fits of `previous` (the running generation's; null at start) and of
    /// `inherited` (of the binary before; may be null), and prepares new ones. `log` is the new generation's. Errors
    /// in nginx's words: `zero size shared memory zone "x"`.
    Result<void> map(const Zones* previous, const Log& log, InheritedZones* inherited = nullptr);

    /// What a new binary gets to take them over (InheritedZones).
    DescriptorList descriptors() const;
    /// Closes these: for a process that starts no binary.
    void drop_descriptors();

    std::span<const std::unique_ptr<Zone>> all() const { return zones_; }

 private:
    std::vector<std::unique_ptr<Zone>> zones_;
};

}  // namespace sluice::shm
