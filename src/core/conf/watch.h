// Watch: somebody in a configuration whose files may change while it runs. It adds itself to Environment::watches.
#pragma once

#include "core/log/log.h"

namespace sluice::conf {

class Watch {
 public:
    /// Called in the master about once a second; stays short. True: something was taken up that running workers do
    /// not have, so that others take their places, made of the same configuration. What it has to say goes to `log`.
    virtual bool look(const Log& log) = 0;

 protected:
    ~Watch() = default;
};

}  // namespace sluice::conf
