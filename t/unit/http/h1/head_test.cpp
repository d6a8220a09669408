// Request and response heads: the vectors, each at every split, with a buffer that grows and one that is replaced.
#include "http/h1/head.h"

#include <gtest/gtest.h>

#include "http/h1/render.h"
#include "http/h1/vectors.h"

namespace sluice::test {
namespace {

using Heads = std::vector<std::string>(const std::string&, const std::vector<size_t>&, Moves);

void replay_both_ways(const std::string& name, Heads* heads) {
    for (const Moves moves : {Moves::grow, Moves::rebase})
        replay_vectors(name, [heads, moves](const std::string& input, const std::vector<size_t>& ends) {
            return heads(input, ends, moves);
        });
}

TEST(RequestHead, lines) {
    replay_both_ways("request_lines.txt", replay_request);
}
TEST(RequestHead, headers) {
    replay_both_ways("request_headers.txt", replay_request);
}
TEST(ResponseHead, heads) {
    replay_both_ways("responses.txt", replay_response);
}

}  // namespace
}  // namespace sluice::test
