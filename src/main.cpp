// The composition root: which modules the server is made of, and what it does with its command line.
#include <cstdio>
#include <vector>

#include "cli/arguments.h"
#include "cli/program.h"
#include "core/base/out_of_memory.h"
#include "core/log/process.h"
#include "core/proc/title.h"
#include "cycle/modules.h"
#include "http/modules.h"

namespace {

using sluice::module::Descriptor;

/// The server's own modules, in the order of their registration.
std::vector<const Descriptor*> built_in_modules() {
    std::vector<const Descriptor*> modules{sluice::cycle::kModules.begin(), sluice::cycle::kModules.end()};
    modules.insert(modules.end(), sluice::http::kModules.begin(), sluice::http::kModules.end());
    return modules;
}

}  // namespace

int main(int argc, char** argv) {
    sluice::proc::init_title(argc, argv);
    // What tools look for in messages, whatever the program is called.
    sluice::log::set_program_name("nginx");
    const std::span<char* const> words(argv, static_cast<size_t>(argc));
    sluice::Result<sluice::cli::Arguments> arguments = sluice::cli::parse_arguments(words.subspan(argc > 0 ? 1 : 0));
    if (!arguments) {
        std::fprintf(stderr, "nginx: %s\n", arguments.error().text.c_str());
        return 1;
    }
    sluice::catch_failing_new();
    const std::vector<const Descriptor*> built_in = built_in_modules();
    return sluice::cli::run(*arguments, built_in);
}
