// FileInfo: what stat() tells of a file, as far as serving it depends on it. Two equal ones are the same file with
// the same bytes.
#pragma once

#include <cstdint>

#include <sys/stat.h>

#include "core/base/units.h"

namespace sluice::http {

enum class FileKind : uint8_t { regular, folder, other };

struct FileInfo {
    FileKind kind = FileKind::other;
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size = 0;
    Seconds modified;           ///< Last-Modified
    int64_t modified_nsec = 0;  ///< nanoseconds within that second
    int64_t changed_nsec = 0;   ///< ctime, in nanoseconds since 1970: nobody can set it back

    FileInfo() = default;
    explicit FileInfo(const struct stat& status);
    bool operator==(const FileInfo&) const = default;

    bool is_regular() const { return kind == FileKind::regular; }
    bool is_folder() const { return kind == FileKind::folder; }
};

}  // namespace sluice::http
