// The process title, and what must be saved of argv and the environment before their memory is written over.
#include "core/proc/title.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

#include "core/base/text_builder.h"
#include "core/log/process.h"

namespace sluice::proc {

namespace {

struct Kept {
    std::vector<std::string> arguments;
    std::string path;
    char* begin = nullptr;  ///< the memory of argv and, behind it, of the environment
    char* end = nullptr;
};

Kept& kept() {
    static Kept instance;
    return instance;
}

/// Grows the title's memory by a string that lies right behind it, as the kernel places them all.
void extend(char*& end, char* string) {
    if (string == end) end = string + std::strlen(string) + 1;
}

/// Copies the environment and lets libc use the copies. They are never freed: libraries that end after us
/// (LD_PRELOAD) may ask for variables.
void move_environment(char*& end) {
    static auto& copies = *new std::vector<std::string>;
    static auto& pointers = *new std::vector<char*>;
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
        extend(end, *variable);
        copies.emplace_back(*variable);
    }
    for (std::string& copy : copies) pointers.push_back(copy.data());
    pointers.push_back(nullptr);
    environ = pointers.data();
}

std::string folder_of_start() {
    char* name = ::getcwd(nullptr, 0);
    std::string folder = name != nullptr ? name : "";
    std::free(name);
    return folder;
}

std::string find_program(const std::string& name) {
    if (name.starts_with('/')) return name;
    if (name.find('/') != std::string::npos) return folder_of_start() + "/" + name;
    const char* variable = std::getenv("PATH");
    Text folders = variable != nullptr ? variable : "/usr/local/bin:/usr/bin:/bin";
    while (!folders.empty()) {
        const std::string path = std::string(text::split_off(folders, ':')) + "/" + name;
        if (::access(path.c_str(), X_OK) == 0) return path.starts_with('/') ? path : folder_of_start() + "/" + path;
    }
    return name;
}

}  // namespace

void init_title(int argc, char** argv) {
    Kept& all = kept();
    all.arguments.assign(argv, argv + argc);
    all.path = argc > 0 ? find_program(argv[0]) : std::string();
    if (argc == 0) return;
    all.begin = argv[0];
    all.end = argv[0];
    for (int i = 0; i < argc; ++i) extend(all.end, argv[i]);
    move_environment(all.end);
    for (int i = 0; i < argc; ++i) argv[i] = all.arguments[static_cast<size_t>(i)].data();
}

const std::vector<std::string>& arguments() {
    return kept().arguments;
}

const std::string& program_path() {
    return kept().path;
}

void set_title(Text title) {
    const Kept& all = kept();
    if (all.begin == nullptr) return;
    TextBuilder out(std::span<char>(all.begin, all.end - 1));
    out.add(log::program_name(), ": ", title);
    // ps shows everything up to the last byte that is not zero.
    std::fill(all.begin + out.text().size(), all.end, '\0');
}

}  // namespace sluice::proc
