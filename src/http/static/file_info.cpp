// FileInfo from a struct stat.
#include "http/static/file_info.h"

namespace sluice::http {

namespace {

FileKind kind_of(mode_t mode) {
    if (S_ISREG(mode)) return FileKind::regular;
    return S_ISDIR(mode) ? FileKind::folder : FileKind::other;
}

}  // namespace

FileInfo::FileInfo(const struct stat& status)
    : kind(kind_of(status.st_mode)),
      device(status.st_dev),
      inode(status.st_ino),
      size(status.st_size),
      modified{status.st_mtim.tv_sec},
      modified_nsec(status.st_mtim.tv_nsec),
      changed_nsec(status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec) {}

}  // namespace sluice::http
