// Parsers' events as the lines that vector files hold.
#pragma once

#include <string>
#include <vector>

#include "http/h1/chunked.h"
#include "http/h1/head.h"

namespace sluice::test {

/// How a replay treats the buffer between two pieces.
enum class Moves : uint8_t {
    grow,    ///< each piece comes in a fresh allocation that holds everything so far
    rebase,  ///< only the unfinished element is carried over, to offset 0 of a fresh allocation
};

std::vector<std::string> replay_request(const std::string& input, const std::vector<size_t>& ends, Moves moves);
std::vector<std::string> replay_response(const std::string& input, const std::vector<size_t>& ends, Moves moves);

/// The body put together, then how it ended. Trailers that are reported become header events.
std::vector<std::string> replay_chunked(const std::string& input, const std::vector<size_t>& ends,
                                        http::h1::Sender sender, http::h1::Trailers trailers);

}  // namespace sluice::test
