// Checking what mk/seal appended.
#include "core/module/seal.h"

#include <cstddef>
#include <cstdint>

#include <zlib.h>

namespace sluice::module {

namespace {

constexpr size_t kHalf = 4;

uint32_t little_endian(std::span<const char> bytes) {
    uint32_t value = 0;
    for (size_t i = bytes.size(); i > 0; --i) value = value << 8U | static_cast<unsigned char>(bytes[i - 1]);
    return value;
}

}  // namespace

bool is_seal_broken(std::span<const char> content) {
    if (content.size() <= 2 * kHalf) return false;
    const auto sealed = content.first(content.size() - 2 * kHalf);
    if (little_endian(content.last(kHalf)) != static_cast<uint32_t>(sealed.size())) return false;
    const uint32_t wanted = little_endian(content.last(2 * kHalf).first(kHalf));
    return ::crc32_z(0, reinterpret_cast<const unsigned char*>(sealed.data()), sealed.size()) != wanted;
}

}  // namespace sluice::module
