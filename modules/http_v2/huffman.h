// Huffman coding of texts in HPACK (RFC 7541 §5.2).
#pragma once

#include <cstddef>

#include <sluice/core/base/text.h>

namespace sluice::http2 {

/// Bytes that `text` takes when it is coded; up to four times its own.
size_t huffman_size(Text text);
/// Writes so many bytes to `out` and returns their end.
char* write_huffman(Text text, char* out);

}  // namespace sluice::http2
