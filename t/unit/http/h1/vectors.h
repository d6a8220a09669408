// Parser vectors: t/data/h1/*.txt. A case is a title (`# ...`), input lines (`< ...`, joined without anything between
// them) and what the parser must report (`> ...`, one event per line). Cases are separated by blank lines.
// Escapes on both sides: \r \n \t \s (space) \\ \xHH, and \*N*TEXT* for TEXT N times.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/text.h"

namespace sluice::test {

struct Vector {
    std::string title;
    std::string input;
    std::vector<std::string> events;  ///< in escaped form
    std::string where;                ///< FILE:LINE
};

/// The cases of t/data/h1/`name`, seen from the top of the tree, where tests run. Fails the test when there are none.
std::vector<Vector> load_vectors(const std::string& name);

/// Bytes as they are written in a vector file.
std::string escape(Text bytes);

/// What a parser reports for `input` when it gets its bytes in pieces that end at each of `ends` (the last is the end
/// of the input).
using Replay = std::function<std::vector<std::string>(const std::string& input, const std::vector<size_t>& ends)>;

/// Each case whole, byte by byte and cut in two at every place: the events must be the expected ones each time.
void replay_vectors(const std::string& name, const Replay& replay);

}  // namespace sluice::test
