// ConfView: the configuration structs in force for a request, one table per level, indexed by slot.
#pragma once

#include <array>

#include "core/conf/conf_type.h"

namespace sluice::http {

class ConfView {
 public:
    const void* get(const conf::Slot& slot) const { return tables_[static_cast<size_t>(slot.level)][slot.index]; }
    void use(conf::Level level, const void* const* table) { tables_[static_cast<size_t>(level)] = table; }

 private:
    std::array<const void* const*, conf::kLevels> tables_{};
};

}  // namespace sluice::http
