// CRC-32 by table.
#include "core/balance/crc32.h"

#include <array>

namespace sluice::balance {

namespace {

constexpr std::array<uint32_t, 256> make_table() {
    std::array<uint32_t, 256> table{};
    for (uint32_t byte = 0; byte < 256; ++byte) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? 0xedb88320U : 0U);
        table[byte] = value;
    }
    return table;
}

constexpr std::array<uint32_t, 256> kTable = make_table();

}  // namespace

void Crc32::update(Text bytes) {
    for (const char c : bytes) state_ = kTable[(state_ ^ static_cast<unsigned char>(c)) & 0xffU] ^ (state_ >> 8U);
}

}  // namespace sluice::balance
