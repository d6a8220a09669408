// Finding and loading module files: `load_module`, autoload, whole folders.
#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/base/unique_fd.h"
#include "core/module/loader.h"
#include "core/module/names.h"

namespace sluice::module {

namespace {

bool exists(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

/// Nothing where there is no such file.
Result<std::string> read_text(const std::string& path) {
    std::string content;
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd && errno == ENOENT) return content;
    if (!fd) return Error("open() \"" + path + "\" failed", errno);
    char room[16384];
    ssize_t got = 0;
    while ((got = ::read(fd.get(), room, sizeof room)) > 0) content.append(room, static_cast<size_t>(got));
    if (got < 0) return Error("read() \"" + path + "\" failed", errno);
    return content;
}

/// The modules in a folder, sorted.
std::vector<std::string> list_modules(const std::string& folder) {
    std::vector<std::string> files;
    DIR* const dir = ::opendir(folder.c_str());
    if (dir == nullptr) return files;
    while (const dirent* entry = ::readdir(dir)) {
        const Text name = entry->d_name;
        if (name.ends_with(".so") && !name.starts_with('.')) files.emplace_back(name);
    }
    ::closedir(dir);
    std::sort(files.begin(), files.end());
    return files;
}

Error already_loaded(Text name) {
    return Error("module \"" + std::string(name) + "\" is already loaded");
}

/// Replaces a file as a whole: a server that starts meanwhile reads the old or the new one, and two who replace it do
/// not meet.
Result<void> replace_file(const std::string& path, Text content) {
    const std::string fresh = path + "." + std::to_string(::getpid()) + ".new";
    const UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd) return Error("open() \"" + fresh + "\" failed", errno);
    const ssize_t put = ::write(fd.get(), content.data(), content.size());
    Result<void> done;
    if (put != static_cast<ssize_t>(content.size())) {
        done = Error("write() \"" + fresh + "\" failed", errno);
    } else if (::rename(fresh.c_str(), path.c_str()) != 0) {
        done = Error("rename() \"" + fresh + "\" to \"" + path + "\" failed", errno);
    }
    if (!done) ::unlink(fresh.c_str());
    return done;
}

}  // namespace

const Index& Loader::index() const {
    if (index_) return *index_;
    Result<std::string> text = read_text(places_.modules + std::string(Index::kFileName));
    if (!text) index_failure_ = std::make_unique<Error>(text.error());
    index_ = std::make_unique<Index>(text ? std::move(*text) : std::string{});
    return *index_;
}

const Descriptor* Loader::find_module(Text name) const {
    const auto found =
        std::find_if(order_.begin(), order_.end(), [&](const Descriptor* d) { return d->name == name; });
    return found != order_.end() ? *found : nullptr;
}

Loader::Module* Loader::find_loaded(Text name) {
    const auto has_name = [&](const Module& module) { return module.object->descriptor().name == name; };
    const auto found = std::find_if(loaded_.begin(), loaded_.end(), has_name);
    return found != loaded_.end() ? &*found : nullptr;
}

/// nginx's file names lead to our module of that feature, wherever they point. Otherwise a path is relative to the
/// prefix, or lies in the folder of our modules. Empty: it is part of the server.
std::string Loader::resolve(Text file) const {
    for (const std::string& name : names_for_nginx_file(file)) {
        const std::string ours = places_.modules + name + ".so";
        if (exists(ours)) return ours;
        if (find_module(name) != nullptr) return std::string{};
    }
    const std::string path = file.starts_with('/') ? std::string(file) : places_.prefix + std::string(file);
    const std::string beside = places_.modules + std::string(file_name_of(file));
    return !file.starts_with('/') && !exists(path) && exists(beside) ? beside : path;
}

Result<void> Loader::load(Text file) {
    const std::string path = resolve(file);
    return path.empty() ? Result<void>{} : load_path(path, true);
}

Result<void> Loader::load_path(const std::string& path, bool is_asked_for) {
    for (Module& module : loaded_) {
        if (module.object->path() != path) continue;
        if (is_asked_for && module.was_asked_for) return already_loaded(module.object->descriptor().name);
        module.was_asked_for |= is_asked_for;
        return {};
    }
    Result<std::unique_ptr<SharedObject>> object = SharedObject::open(path);
    if (!object) return object.error();
    const Descriptor& descriptor = (*object)->descriptor();
    if (find_module(descriptor.name) != nullptr) {
        Module* const other = find_loaded(descriptor.name);
        if (is_asked_for && (other == nullptr || !other->was_asked_for)) return {};
        if (is_asked_for) return already_loaded(descriptor.name);
        return Error("module \"" + path + "\" has the name of another that is loaded: \"" +
                     std::string(descriptor.name) + "\"");
    }
    Result<void> admitted = admit(descriptor);
    if (admitted) loaded_.push_back({std::move(*object), is_asked_for});
    return admitted;
}

/// False when it is loaded already.
Result<bool> Loader::load_indexed(const IndexedModule& module) {
    if (find_module(module.name) != nullptr) return false;
    const std::string path = places_.modules + std::string(module.file);
    if (!exists(path)) {
        return Error("module \"" + path + "\" is in the index but not there: -m writes the index anew");
    }
    const Result<void> loaded = load_path(path, false);
    if (find_module(module.name) != nullptr) return true;
    if (!loaded) return loaded.error();
    return Error("module \"" + path + "\" is not the \"" + std::string(module.name) +
                 "\" that the index has: -m writes the index anew");
}

Result<bool> Loader::load_for_variable(Text name, conf::Context family) {
    if (!is_autoload_on_) return false;
    Text wanted = "http";
    if (conf::family_of(family) == conf::Context::stream) wanted = "stream";
    for (const IndexedModule& module : index().modules()) {
        if (module.family != wanted || !module.has_variable(name)) continue;
        Result<bool> loaded = load_indexed(module);
        if (!loaded || *loaded) return loaded;
    }
    return false;
}

std::string Loader::find_unindexed() const {
    const auto modules = index().modules();
    for (const std::string& file : list_modules(places_.modules)) {
        const auto is_this = [&](const IndexedModule& module) { return module.file == file; };
        if (std::none_of(modules.begin(), modules.end(), is_this)) return file;
    }
    return {};
}

std::vector<Error> Loader::load_folder() {
    std::vector<Error> errors;
    for (const std::string& file : list_modules(places_.modules)) {
        Result<void> loaded = load_path(places_.modules + file, false);
        if (!loaded) errors.push_back(loaded.error());
    }
    return errors;
}

Result<std::string> write_index(const std::string& folder, std::vector<Error>& errors) {
    std::string lines;
    for (const std::string& file : list_modules(folder)) {
        Result<std::unique_ptr<SharedObject>> object = SharedObject::open(folder + file);
        if (object) {
            lines += index_line(file, (*object)->descriptor());
        } else {
            errors.push_back(object.error());
        }
    }
    const std::string content =
        "# file, family, module, directives, variables, prefixes of variables; written by -m\n" + lines;
    Result<void> written = replace_file(folder + std::string(Index::kFileName), content);
    if (!written) return written.error();
    return lines;
}

}  // namespace sluice::module
