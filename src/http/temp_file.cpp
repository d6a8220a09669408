// Temporary files: names are numbers of ten digits, spread over folders by their last digits as nginx does.
#include "http/temp_file.h"

#include <cerrno>
#include <random>

#include <fcntl.h>
#include <sys/stat.h>

namespace sluice::http {

namespace {

constexpr int kTries = 100;

uint32_t next_number() {
    static thread_local uint32_t number = std::random_device{}();
    number += 123457;
    return number;
}

/// "/path/0/70/0000000700" for levels 1 2.
Text make_path(Arena& arena, const TempPath& where) {
    char digits[16];
    const Text name = TextBuilder(digits).add(Padded{next_number(), TempPath::kDigits}).text();
    const std::span<char> room = arena.make_bytes(where.path.size() + 32);
    TextBuilder out(room.first(room.size() - 1));
    out.add(where.path);
    size_t end = name.size();
    for (const uint8_t level : where.levels) {
        if (level == 0) break;
        end -= level;
        out.add('/', name.substr(end, level));
    }
    out.add('/', name);
    room[out.text().size()] = '\0';
    return out.text();
}

void make_folders(Text path, size_t root) {
    std::string folder(path);
    for (size_t slash = folder.find('/', root); slash != std::string::npos; slash = folder.find('/', slash + 1)) {
        folder[slash] = '\0';
        static_cast<void>(::mkdir(folder.c_str(), 0700));
        folder[slash] = '/';
    }
}

}  // namespace

Result<TempFile> open_temp_file(Arena& arena, const TempPath& where, bool) {
    for (int i = 0; i < kTries; ++i) {
        const Text path = make_path(arena, where);
        int fd = ::open(path.data(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno == ENOENT) {
            make_folders(path, 1);
            fd = ::open(path.data(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        }
        if (fd >= 0) return TempFile{UniqueFd(fd), path};
        if (errno != EEXIST) return Error("open() \"" + std::string(path) + "\" failed", errno);
    }
    return Error("open() temporary file in \"" + std::string(where.path) + "\" failed", EEXIST);
}

void remove_at_end(Arena& arena, Text path) {
    arena.on_reset([](void* name) { ::unlink(static_cast<const char*>(name)); }, const_cast<char*>(path.data()));
}

}  // namespace sluice::http
