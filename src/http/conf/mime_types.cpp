// MimeTypes: a hash by lower-case extension.
#include "http/conf/mime_types.h"

#include <algorithm>
#include <array>

namespace sluice::http {

bool MimeTypes::put(Arena& arena, Text extension, Text type) {
    const std::span<char> lower = arena.make_bytes(extension.size());
    std::transform(extension.begin(), extension.end(), lower.begin(), text::to_lower);
    return types_.insert_or_assign(Text(lower.data(), lower.size()), type).second;
}

Text MimeTypes::find(Text extension) const {
    std::array<char, 64> lower;
    if (extension.empty() || extension.size() > lower.size()) return {};
    std::transform(extension.begin(), extension.end(), lower.begin(), text::to_lower);
    const auto found = types_.find(Text(lower.data(), extension.size()));
    return found != types_.end() ? found->second : Text{};
}

}  // namespace sluice::http
