// Seal: the checksum that the build leaves at the end of a module (mk/seal), since damage to code is not seen by
// loading it: it would end whoever calls that code, later.
#pragma once

#include <span>

namespace sluice::module {

/// Whether the last eight bytes of a file tell its length but another CRC-32 than that of what stands before them
/// (RFC 1952 section 2.3.1). A file without a seal, or one that lost it with its symbols, is none that this can tell
/// of.
bool is_seal_broken(std::span<const char> content);

}  // namespace sluice::module
