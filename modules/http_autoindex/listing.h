// Listing: the entries of a folder, and how each format writes them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <sluice/core/base/text.h>

namespace sluice::autoindex {

struct Entry {
    enum class Kind : uint8_t { directory, file, other };
    std::string name;
    Kind kind = Kind::other;
    int64_t size = 0;   ///< bytes
    int64_t mtime = 0;  ///< Unix time in seconds
};

struct Look {
    bool exact_size = true;
    bool localtime = false;
    bool is_utf8 = false;  ///< columns count characters, not bytes
};

/// Folders first, each group by the bytes of the names.
void sort(std::vector<Entry>& entries);

std::string write_html(Text uri, std::span<const Entry> entries, const Look& look);
std::string write_json(std::span<const Entry> entries);
/// A call of `callback` with the JSON list.
std::string write_jsonp(Text callback, std::span<const Entry> entries);
std::string write_xml(std::span<const Entry> entries);

/// Letters, digits, `_` and `.`, as nginx: what may be called in a script that others include.
bool is_callback_valid(Text callback);

}  // namespace sluice::autoindex
