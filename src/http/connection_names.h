// ConnectionNames: the fields that a message's Connection names. They are of that connection, and have no place in a
// message of HTTP/2 that is made of it (RFC 9113 §8.2.2, RFC 9110 §7.6.1).
#pragma once

#include <span>

#include "core/base/arena.h"
#include "http/headers.h"

namespace sluice::http {

class ConnectionNames {
 public:
    ConnectionNames() = default;  ///< none
    /// Of all Connection fields in `headers`, whose texts must live as long.
    ConnectionNames(Arena& arena, const Headers& headers);

    bool has(const Field& field) const;

 private:
    std::span<const Text> names_;  ///< sorted: a peer may send many, and many fields
};

}  // namespace sluice::http
