// CRC-32 as in zlib and Ethernet (reflected polynomial 0xedb88320), which the hash methods of other balancers use.
#pragma once

#include <cstdint>

#include "core/base/text.h"

namespace sluice::balance {

class Crc32 {
 public:
    void update(Text bytes);
    uint32_t value() const { return ~state_; }

 private:
    uint32_t state_ = 0xffffffff;
};

}  // namespace sluice::balance
