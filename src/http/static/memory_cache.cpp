// MemoryCache: bounded by bytes, the least recently used file goes first.
#include "http/static/memory_cache.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/uio.h>

#include "core/base/text_builder.h"

namespace sluice::http {

CachedFileRef::~CachedFileRef() {
    if (file_ != nullptr && --file_->users_ == 0) delete file_;
}

MemoryCache::~MemoryCache() {
    while (CachedFile* file = files_.oldest()) drop(*file);
}

void MemoryCache::drop(CachedFile& file) {
    files_.remove(file);
    bytes_ -= cost_of(file);
    if (--file.users_ == 0) delete &file;
}

int64_t MemoryCache::cost_of(const CachedFile& file) {
    return file.info_.size + static_cast<int64_t>(file.path.size() + sizeof(CachedFile));
}

std::optional<CachedFileRef> MemoryCache::read(Text path, int fd, const FileInfo& info, int64_t wall_nsec,
                                               bool may_wait) {
    const auto size = static_cast<size_t>(info.size);
    auto bytes = std::make_unique<char[]>(size + path.size());
    size_t done = 0;
    while (done < size) {
        const iovec rest{bytes.get() + done, size - done};
        const ssize_t count = ::preadv2(fd, &rest, 1, static_cast<off_t>(done), may_wait ? 0 : RWF_NOWAIT);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return std::nullopt;
        if (count == 0) break;
        done += static_cast<size_t>(count);
    }
    auto* file = new CachedFile;
    CachedFileRef reference(*file);
    std::memcpy(bytes.get() + size, path.data(), path.size());
    file->path = {bytes.get() + size, path.size()};
    file->hash = text::hash(path);
    file->bytes_ = std::move(bytes);
    file->info_ = info;
    file->info_.size = static_cast<int64_t>(done);
    file->etag_ = write_etag(file->etag_room_, file->info_);
    if (done == size && info.changed_nsec + kSettledNsec < wall_nsec) keep(*file);
    return reference;
}

void MemoryCache::keep(CachedFile& file) {
    if (CachedFile* old = files_.find(file.path, file.hash)) drop(*old);
    const int64_t cost = cost_of(file);
    if (cost > most_bytes_) return;
    while (bytes_ + cost > most_bytes_) drop(*files_.oldest());
    files_.insert(file);
    bytes_ += cost;
    ++file.users_;
}

MemoryCache& memory_cache() {
    static MemoryCache cache;
    return cache;
}

Text write_etag(std::span<char> room, const FileInfo& info) {
    return TextBuilder(room)
        .add('"', Hex{static_cast<uint64_t>(info.modified.count)}, '-', Hex{static_cast<uint64_t>(info.size)}, '"')
        .text();
}

}  // namespace sluice::http
