// Mapping a module: copy, dlopen, checks.
#include "core/module/shared_object.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <vector>

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/base/unique_fd.h"
#include "core/module/index.h"
#include "core/module/probe.h"
#include "core/module/seal.h"

/// The header of the server itself, as the linker leaves it in memory.
extern "C" const ElfW(Ehdr) __ehdr_start;

namespace sluice::module {

namespace {

constexpr char kSymbol[] = "sluice_module";

Error dlopen_failed(const std::string& path, Text reason) {
    std::string text = "dlopen() \"" + path + "\" failed (";
    return Error(text.append(path).append(": ").append(reason).append(")"));
}

std::string signature(unsigned major, unsigned minor) {
    return "ABI " + std::to_string(major) + "." + std::to_string(minor);
}

std::string signature(unsigned major, unsigned minor, Text compiler) {
    return signature(major, minor).append(" (").append(compiler).append(")");
}

Text file_name(Text path) {
    return path.substr(path.rfind('/') + 1);
}

/// What a file is known by, and what it becomes another one by: device, inode, size, time of its last change.
using Version = std::array<int64_t, 5>;

struct File {
    Version version{};
    std::vector<char> content;
};

/// Of the first bytes of a file.
Text why_no_elf(Text begin) {
    if (begin.starts_with(Text(ELFMAG, SELFMAG))) return {};
    return begin.size() < sizeof(ElfW(Ehdr)) ? "file too short" : "invalid ELF header";
}

/// What never ends, as a pipe that nobody writes to or /dev/zero, and what is large and no module at all, would hold
/// or eat up the master of a running server. So only files are read, and only those that begin well.
Result<File> read_file(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat info {};
    if (!fd || ::fstat(fd.get(), &info) != 0) {
        const std::string reason = std::string("cannot open shared object file: ") + std::strerror(errno);
        return dlopen_failed(path, reason);
    }
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) return dlopen_failed(path, "not a regular file");
    File file;
    file.version = {static_cast<int64_t>(info.st_dev), static_cast<int64_t>(info.st_ino), info.st_size,
                    info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
    char room[65536];
    for (;;) {
        const ssize_t got = ::read(fd.get(), room, sizeof room);
        if (got == 0) return file;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return dlopen_failed(path, std::string("cannot read file data: ") + std::strerror(errno));
        if (file.content.empty()) {
            const Text reason = why_no_elf({room, static_cast<size_t>(got)});
            if (!reason.empty()) return dlopen_failed(path, reason);
            file.content.reserve(static_cast<size_t>(info.st_size));
        }
        file.content.insert(file.content.end(), room, room + got);
    }
}

/// The dynamic linker believes a file's headers: one that was cut short while it was copied would kill this process
/// with SIGBUS.
Text why_not_whole(const std::vector<char>& content) {
    ElfW(Ehdr) header;
    if (content.size() < sizeof header) return "file too short";
    std::memcpy(&header, content.data(), sizeof header);
    const bool is_for_us = header.e_ident[EI_CLASS] == __ehdr_start.e_ident[EI_CLASS] &&
                           header.e_ident[EI_DATA] == __ehdr_start.e_ident[EI_DATA] &&
                           header.e_machine == __ehdr_start.e_machine;
    if (!is_for_us) return "built for another kind of machine";
    if (header.e_phentsize != sizeof(ElfW(Phdr))) return "ELF file's phentsize not the expected size";
    const uint64_t table_size = uint64_t{header.e_phnum} * sizeof(ElfW(Phdr));
    if (header.e_phoff > content.size() || table_size > content.size() - header.e_phoff) return "file too short";
    for (size_t i = 0; i < header.e_phnum; ++i) {
        ElfW(Phdr) segment;
        std::memcpy(&segment, content.data() + header.e_phoff + i * sizeof segment, sizeof segment);
        if (segment.p_type != PT_LOAD && segment.p_type != PT_DYNAMIC) continue;
        if (segment.p_offset > content.size() || segment.p_filesz > content.size() - segment.p_offset) {
            return "file too short";
        }
    }
    return {};
}

Result<UniqueFd> copy_to_memory(const std::string& path, const std::vector<char>& content) {
    const std::string name(file_name(path));
    UniqueFd fd(::memfd_create(name.c_str(), MFD_CLOEXEC));
    if (!fd) return Error("memfd_create(\"" + name + "\") failed", errno);
    size_t written = 0;
    while (written < content.size()) {
        const ssize_t put = ::write(fd.get(), content.data() + written, content.size() - written);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return Error("write() to a copy of \"" + path + "\" failed", errno);
        written += static_cast<size_t>(put);
    }
    return fd;
}

/// A path to the descriptor that no other object in memory was opened by: glibc compares the words before it looks at
/// the file, and descriptor numbers come again. The counter is written in "/" and "/./".
std::string unique_path(int fd) {
    static uint32_t counter = 0;
    std::string path = "/proc/self/fd";
    for (uint32_t rest = ++counter; rest != 0; rest >>= 1U) path.append((rest & 1U) != 0 ? "/." : "//");
    return path.append("/").append(std::to_string(fd));
}

/// The versions of the interface that a file was built for, found without loading it.
std::string find_signature(const std::vector<char>& content) {
    const Text bytes(content.data(), content.size());
    const auto magic = kMagic;
    const Text wanted(reinterpret_cast<const char*>(&magic), sizeof magic);
    for (size_t at = bytes.find(wanted); at != Text::npos; at = bytes.find(wanted, at + 1)) {
        if (at % alignof(Export) != 0 || bytes.size() - at < sizeof(Export)) continue;
        Export exported;
        std::memcpy(&exported, bytes.data() + at, sizeof exported);
        return signature(exported.abi_major, exported.abi_minor);
    }
    return {};
}

/// dlerror() with the file's own name instead of the copy's.
Error explain(const std::string& path, const std::string& opened, const std::vector<char>& content) {
    const char* const message = ::dlerror();
    std::string reason = message != nullptr ? message : "unknown error";
    if (reason.find("undefined symbol: ngx_") != std::string::npos) {
        return Error("module \"" + path + "\" was built for nginx, not for this server");
    }
    // Whoever asks for what this server does not have was most likely built for another one.
    const std::string built_for = find_signature(content);
    if (!built_for.empty() && built_for != signature(kAbiMajor, kAbiMinor)) {
        return Error("module \"" + path + "\" was built for " + built_for + ", this server has " +
                     signature(kAbiMajor, kAbiMinor) + ": build the module anew with this server's headers");
    }
    if (const size_t at = reason.find(opened); at != std::string::npos) reason.replace(at, opened.size(), path);
    return Error("dlopen() \"" + path + "\" failed (" + reason + ")");
}

}  // namespace

std::string why_incompatible(const Export& exported) {
    if (exported.magic != kMagic) return "is not a module of this server";
    const Text compiler = exported.cxx_abi != nullptr ? Text(exported.cxx_abi) : Text("unknown");
    const bool is_version_good = exported.abi_major == kAbiMajor && exported.abi_minor <= kAbiMinor;
    // A newer minor version is the only reason for a descriptor that is larger than ours.
    if (is_version_good && compiler == SLUICE_CXX_ABI && exported.size <= sizeof(Descriptor)) return {};
    return "was built for " + signature(exported.abi_major, exported.abi_minor, compiler) + ", this server has " +
           signature(kAbiMajor, kAbiMinor, SLUICE_CXX_ABI) + ": build the module anew with this server's headers";
}

/// Loads a module as the server will, and touches all that the server reads of a descriptor.
class SharedObject::Loading final : public Trial {
 public:
    Loading(const std::string& path, int copy, const std::vector<char>& content)
        : path_(path), copy_(copy), content_(content) {}
    bool run() override {
        // What is refused in words is no damage: the parent says the words.
        Result<std::unique_ptr<SharedObject>> object = map(path_, copy_, content_);
        return !object || is_whole((*object)->descriptor());
    }

 private:
    static bool is_whole(const Descriptor& descriptor) {
        if (descriptor.name.empty() || family_name(descriptor.family).empty()) return false;
        if (index_line({}, descriptor).empty()) return false;
        for (const conf::ConfType& type : descriptor.conf_types) {
            if (type && type.slot() == nullptr) return false;
        }
        for (const conf::Directive& row : descriptor.directives) {
            if (!row.name.empty() && row.parse == nullptr) return false;
            if (row.slot != nullptr && row.slot() == nullptr) return false;
        }
        return true;
    }

    const std::string& path_;
    int copy_;
    const std::vector<char>& content_;
};

Result<std::unique_ptr<SharedObject>> SharedObject::open(const std::string& path) {
    Result<File> file = read_file(path);
    if (!file) return file.error();
    const std::vector<char>& content = file->content;
    if (const Text reason = why_not_whole(content); !reason.empty()) return dlopen_failed(path, reason);
    Result<UniqueFd> copy = copy_to_memory(path, content);
    if (!copy) return copy.error();

    // What once went well in this process does so again, and most modules of a reload are the old ones.
    static std::set<Version> tried;
    if (!tried.contains(file->version)) {
        if (is_seal_broken(content)) return Error("module \"" + path + "\" is corrupt: its checksum is wrong");
        Loading loading(path, copy->get(), content);
        if (Result<void> probed = probe(path, copy->get(), loading); !probed) return probed.error();
        tried.insert(file->version);
    }
    return map(path, copy->get(), content);
}

Result<std::unique_ptr<SharedObject>> SharedObject::map(const std::string& path, int copy,
                                                        const std::vector<char>& content) {
    const std::string opened = unique_path(copy);
    void* const handle = ::dlopen(opened.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return explain(path, opened, content);
    std::unique_ptr<SharedObject> object(new SharedObject(handle, path));
    Result<void> checked = object->check();
    if (!checked) return checked.error();
    return object;
}

SharedObject::~SharedObject() {
    ::dlclose(handle_);
}

Result<void> SharedObject::check() {
    const auto* exported = static_cast<const Export*>(::dlsym(handle_, kSymbol));
    if (exported == nullptr) {
        const bool is_of_nginx = ::dlsym(handle_, "ngx_modules") != nullptr;
        if (is_of_nginx) return Error("module \"" + path_ + "\" was built for nginx, not for this server");
        return Error("dlsym() \"" + path_ + "\", \"" + kSymbol + "\" failed (" + path_ +
                     ": undefined symbol: " + kSymbol + ")");
    }
    if (const std::string reason = why_incompatible(*exported); !reason.empty()) {
        return Error("module \"" + path_ + "\" " + reason);
    }
    // An older module has a shorter descriptor: what it does not know stays empty.
    static_assert(std::is_trivially_copyable_v<Descriptor>);
    std::memcpy(static_cast<void*>(&descriptor_), exported->descriptor, exported->size);
    return {};
}

}  // namespace sluice::module
