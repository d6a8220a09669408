// Making the ring, and finding a key's point.
#include "core/balance/ring.h"

#include <algorithm>

#include "core/balance/crc32.h"

namespace sluice::balance {

namespace {

constexpr uint32_t kPointsPerWeight = 160;

/// "host:port" without the colon but with a NUL between; a unix socket's path, or a name without a port, has an empty
/// port.
Crc32 begin_hash(Text server) {
    Text host = server;
    Text port;
    if (text::istarts_with(server, "unix:")) {
        host.remove_prefix(5);
    } else if (const size_t colon = server.rfind(':'); colon != Text::npos) {
        host = server.substr(0, colon);
        port = server.substr(colon + 1);
    }
    Crc32 hash;
    hash.update(host);
    hash.update(Text("\0", 1));
    hash.update(port);
    return hash;
}

}  // namespace

Ring Ring::make(Arena& arena, const Group& group) {
    const std::span<Point> points = arena.make_array<Point>(size_t{group.total_weight} * kPointsPerWeight);
    size_t count = 0;
    for (uint32_t i = 0; i < group.peers.size(); ++i) {
        const Peer& peer = group.peers[i];
        const Crc32 base = begin_hash(peer.server);
        uint32_t previous = 0;
        for (uint32_t j = 0; j < peer.weight * kPointsPerWeight; ++j) {
            // Each point's hash takes in the one before, lowest byte first.
            char bytes[4];
            for (unsigned k = 0; k < 4; ++k) bytes[k] = static_cast<char>(previous >> (8 * k));
            Crc32 hash = base;
            hash.update({bytes, 4});
            previous = hash.value();
            points[count++] = {previous, i};
        }
    }
    std::stable_sort(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.hash < b.hash; });
    const auto end =
        std::unique(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.hash == b.hash; });
    Ring ring;
    ring.points_ = {points.begin(), end};
    return ring;
}

size_t Ring::find(Text key) const {
    Crc32 hash;
    hash.update(key);
    const auto found = std::lower_bound(points_.begin(), points_.end(), hash.value(),
                                        [](const Point& point, uint32_t value) { return point.hash < value; });
    return found == points_.end() ? 0 : static_cast<size_t>(found - points_.begin());
}

}  // namespace sluice::balance
