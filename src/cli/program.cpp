// -t, -T, -s, and the server itself.
#include "cli/program.h"

#include <cerrno>
#include <cstdio>

#include <unistd.h>

#include "cli/information.h"
#include "cli/listing.h"
#include "cli/paths.h"
#include "core/base/out_of_memory.h"
#include "core/log/error_log.h"
#include "core/log/open_files.h"
#include "core/proc/run.h"
#include "cycle/cycle.h"

namespace sluice::cli {

namespace {

/// The log until the configuration's own is open: the default error log, and stderr besides.
class StartLog {
 public:
    explicit StartLog(const std::string& path) : log_(&targets_) {
        if (path == "stderr") {
            targets_.add_stderr(LogLevel::notice);
            return;
        }
        targets_.add(files_.file(path), LogLevel::notice);
        Result<void> opened = files_.open();
        if (opened) return;
        Log().alert(opened.error().number, "could not open error log file: ", opened.error().text);
    }
    const Log& log() const { return log_; }

 private:
    log::OpenFiles files_;
    log::ErrorLog targets_;
    Log log_;
};

void say(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
}

void log_error(const Log& log, const Error& error) {
    if (!error.text.empty()) log.emerg(error.number, error.text);
}

void dump(const cycle::Cycle& cycle) {
    for (const conf::Parser::Dump& file : cycle.dumps()) {
        std::string text = "# configuration file " + std::string(file.path) + ":\n";
        text.append(file.content).append("\n");
        std::fwrite(text.data(), 1, text.size(), stdout);
    }
}

/// What is said when there is no memory for the configuration. Made before, since saying it must not ask for any.
struct LastWords {
    explicit LastWords(const Log& to, std::string end = {}) : log(to), verdict(std::move(end)) {
        on_out_of_memory(
            [](const void* words) {
                const auto& self = *static_cast<const LastWords*>(words);
                self.log.emerg(ENOMEM, "no memory for the configuration");
                say(self.verdict);
                ::_exit(1);
            },
            this);
    }
    LastWords(const LastWords&) = delete;

    const Log& log;
    std::string verdict;
};

int test(const Arguments& arguments, const cycle::Options& options, const Log& log) {
    const std::string file = "nginx: configuration file " + options.conf_path;
    const LastWords words(log, file + " test failed\n");
    cycle::Cycle cycle(options, log);
    Result<void> done = cycle.read();
    if (done && !arguments.is_quiet) say("nginx: the configuration file " + options.conf_path + " syntax is ok\n");
    if (done) done = cycle.open(nullptr, nullptr);
    if (!done) {
        log_error(log, done.error());
        say(words.verdict);
        return 1;
    }
    if (!arguments.is_quiet) say(file + " test is successful\n");
    if (arguments.wants_dump) dump(cycle);
    return 0;
}

int send_signal(const Arguments& arguments, const cycle::Options& options, const Log& log) {
    const LastWords words(log);
    cycle::Cycle cycle(options, log);
    Result<void> done = cycle.read();
    if (done) return proc::send_signal(arguments.signal, std::string(*cycle.core().pid), log);
    log_error(log, done.error());
    return 1;
}

}  // namespace

int run(const Arguments& arguments, std::span<const module::Descriptor* const> built_in) {
    cycle::Options options = make_options(arguments);
    options.built_in = built_in;
    const Offer offer{built_in, options.modules};
    if (arguments.lists_modules) return list_modules(offer);
    if (arguments.lists_directives) return list_directives(offer);
    if (arguments.lists_variables) return list_variables(offer);
    if (arguments.explained) return explain_directive(offer, *arguments.explained);
    if (arguments.wants_version) {
        say(version_text());
        if (arguments.wants_help) say(usage_text());
        if (arguments.wants_configuration) say(configuration_text(options.modules));
        if (!arguments.wants_test) return 0;
    }

    const StartLog start(options.error_log);
    if (arguments.wants_test) return test(arguments, options, start.log());
    if (!arguments.signal.empty()) return send_signal(arguments, options, start.log());
    const LastWords words(start.log());
    cycle::CycleLoader loader(options, start.log());
    return proc::run(loader, start.log());
}

}  // namespace sluice::cli
