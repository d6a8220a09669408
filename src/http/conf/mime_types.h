// MimeTypes: the `types` block: file extensions to media types.
#pragma once

#include <unordered_map>

#include "core/base/arena.h"
#include "core/base/text.h"

namespace sluice::http {

class MimeTypes {
 public:
    /// Texts are kept as they are; a lower-case copy of the extension goes into `arena`. False when the extension was
    /// there already: it now has the new type, and the caller warns.
    bool put(Arena& arena, Text extension, Text type);
    /// The type of an extension in any case; null Text when there is none.
    Text find(Text extension) const;

 private:
    struct Hash {
        size_t operator()(Text key) const { return static_cast<size_t>(text::hash(key)); }
    };
    std::unordered_map<Text, Text, Hash> types_;
};

}  // namespace sluice::http
