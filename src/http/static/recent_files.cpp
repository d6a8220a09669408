// RecentFiles: bounded by bytes, the least recently used file goes first; those that are open also by number.
#include "http/static/recent_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/uio.h>

#include "core/base/text_builder.h"

namespace sluice::http {

RecentFileRef::~RecentFileRef() {
    if (file_ != nullptr && --file_->users_ == 0) delete file_;
}

RecentFiles::~RecentFiles() {
    while (RecentFile* file = files_.oldest()) drop(*file);
}

void RecentFiles::start(event::Loop& loop) {
    loop_ = &loop;
    timer_.emplace(event::Timer::call<&RecentFiles::look>, this);
}

void RecentFiles::stop() {
    close_open();
    timer_.reset();
    loop_ = nullptr;
}

void RecentFiles::drop(RecentFile& file) {
    files_.remove(file);
    bytes_ -= cost_of(file);
    if (file.is_open()) {
        static_cast<ListNode<OpenTag>&>(file).unlink();
        --open_count_;
    }
    if (--file.users_ == 0) delete &file;
}

int64_t RecentFiles::cost_of(const RecentFile& file) {
    const int64_t body = file.is_open() ? 0 : file.info_.size;
    return body + static_cast<int64_t>(file.path.size() + sizeof(RecentFile));
}

/// With room for `size` bytes of the body.
RecentFile* RecentFiles::make(Text path, size_t size, const FileInfo& info) {
    auto* file = new RecentFile;
    file->bytes_ = std::make_unique<char[]>(size + path.size());
    std::memcpy(file->bytes_.get() + size, path.data(), path.size());
    file->path = {file->bytes_.get() + size, path.size()};
    file->hash = text::hash(path);
    file->info_ = info;
    return file;
}

std::optional<RecentFileRef> RecentFiles::read(Text path, int fd, const FileInfo& info, int64_t wall_nsec,
                                               bool may_wait) {
    const auto size = static_cast<size_t>(info.size);
    RecentFile* const file = make(path, size, info);
    RecentFileRef reference(*file);
    size_t done = 0;
    while (done < size) {
        const iovec rest{file->bytes_.get() + done, size - done};
        const ssize_t count = ::preadv2(fd, &rest, 1, static_cast<off_t>(done), may_wait ? 0 : RWF_NOWAIT);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return std::nullopt;
        if (count == 0) break;
        done += static_cast<size_t>(count);
    }
    file->info_.size = static_cast<int64_t>(done);
    file->etag_ = write_etag(file->etag_room_, file->info_);
    if (done == size && info.changed_nsec + kSettledNsec < wall_nsec) keep(*file);
    return reference;
}

/// Nothing of its bytes is remembered, so it need not have settled.
RecentFileRef RecentFiles::keep_open(Text path, UniqueFd fd, const FileInfo& info) {
    RecentFile* const file = make(path, 0, info);
    RecentFileRef reference(*file);
    file->fd_ = std::move(fd);
    file->etag_ = write_etag(file->etag_room_, info);
    if (open_count_ == kMostOpen) drop(open_.front());
    keep(*file);
    return reference;
}

void RecentFiles::keep(RecentFile& file) {
    if (RecentFile* old = files_.find(file.path, file.hash)) drop(*old);
    const int64_t cost = cost_of(file);
    if (cost > most_bytes_) return;
    while (bytes_ + cost > most_bytes_) drop(*files_.oldest());
    files_.insert(file);
    bytes_ += cost;
    ++file.users_;
    if (!file.is_open()) return;
    open_.push_back(file);
    ++open_count_;
    if (timer_ && !timer_->is_armed()) timer_->arm(*loop_, kBetweenLooks);
}

void RecentFiles::close_unused() {
    for (auto each = open_.begin(); each != open_.end();) {
        RecentFile& file = *each;
        ++each;
        if (!std::exchange(file.was_used_, false)) drop(file);
    }
}

bool RecentFiles::close_open() {
    if (open_.empty()) return false;
    while (!open_.empty()) drop(open_.front());
    return true;
}

void RecentFiles::look() {
    close_unused();
    if (!open_.empty()) timer_->arm(*loop_, kBetweenLooks);
}

RecentFiles& recent_files() {
    static RecentFiles cache;
    return cache;
}

Text write_etag(std::span<char> room, const FileInfo& info) {
    const int64_t time = info.modified.count;
    const auto distance = static_cast<uint64_t>(time < 0 ? -time : time);
    return TextBuilder(room)
        .add(time < 0 ? "\"-" : "\"", Hex{distance}, '-', Hex{static_cast<uint64_t>(info.size)}, '"')
        .text();
}

}  // namespace sluice::http
