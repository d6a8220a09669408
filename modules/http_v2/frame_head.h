// What every frame begins with (RFC 9113 §4.1).
#pragma once

#include <cstdint>
#include <cstring>

#include <endian.h>
#include <nghttp2/nghttp2.h>
#include <sluice/core/base/text.h>

namespace sluice::http2 {

constexpr uint32_t kFrameHeadSize = 9;
/// The payload that every peer takes in one frame (RFC 9113 §6.5.2).
constexpr size_t kLargestPayload = 16384;

struct FrameHead {
    uint32_t length;  ///< bytes of the payload, below 2^24
    uint8_t type;
    uint8_t flags;
    int32_t stream;

    static FrameHead of(const nghttp2_frame_hd& head) {
        return {.length = static_cast<uint32_t>(head.length),
                .type = head.type,
                .flags = head.flags,
                .stream = head.stream_id};
    }
    /// `bytes` has kFrameHeadSize of them.
    static FrameHead read(const char* bytes) {
        const uint32_t first = read_number(bytes);
        return {.length = first >> 8U,
                .type = static_cast<uint8_t>(first),
                .flags = static_cast<uint8_t>(bytes[4]),
                .stream = static_cast<int32_t>(read_number(bytes + 5))};
    }
    void write(char* out) const {
        write_number(length << 8U | type, out);
        out[4] = static_cast<char>(flags);
        write_number(static_cast<uint32_t>(stream), out + 5);
    }

    /// Four bytes, the highest first.
    static uint32_t read_number(const char* bytes) {
        uint32_t number = 0;
        std::memcpy(&number, bytes, sizeof number);
        return be32toh(number);
    }

 private:
    static void write_number(uint32_t number, char* out) {
        number = htobe32(number);
        std::memcpy(out, &number, sizeof number);
    }
};

}  // namespace sluice::http2
