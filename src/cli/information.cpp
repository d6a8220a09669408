// Version, build and usage.
#include "cli/information.h"

#include <array>
#include <fstream>

#include <zlib.h>

#include "config.h"
#include "core/base/text.h"
#include "core/base/version.h"
#include "core/module/index.h"
#include "event/loop.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace sluice::cli {

namespace {

/// Modules that nginx builds only when told to. Tools look for these options to know whether they are there.
constexpr std::array<Text, 23> kOptional{
    "http_ssl",
    "http_v2",
    "http_v3",
    "http_realip",
    "http_addition",
    "http_xslt",
    "http_image_filter",
    "http_geoip",
    "http_sub",
    "http_dav",
    "http_flv",
    "http_mp4",
    "http_gunzip",
    "http_gzip_static",
    "http_auth_request",
    "http_random_index",
    "http_secure_link",
    "http_slice",
    "http_stub_status",
    "stream_ssl",
    "stream_realip",
    "stream_geoip",
    "stream_ssl_preread",
};

std::string read_index(const std::string& folder) {
    std::ifstream in(folder + std::string(module::Index::kFileName));
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string pcre2_version() {
    std::array<char, 64> room{};
    ::pcre2_config(PCRE2_CONFIG_VERSION, room.data());
    const Text version = room.data();
    return std::string(version.substr(0, version.find(' ')));
}

void add_backend(std::string& out, Text name, event::BackendKind kind) {
    const std::string reason = event::why_not(kind);
    out.append(name);
    if (!reason.empty()) out.append(" (not here: ").append(reason).append(")");
}

std::string arguments_text(const module::Index& index) {
    std::string text = SLUICE_CONFIGURE_ARGS;
    for (const module::IndexedModule& module : index.modules()) {
        const std::string option = "--with-" + std::string(module.name) + "_module";
        bool is_optional = false;
        for (Text name : kOptional) is_optional |= name == module.name;
        if (!is_optional || text.find(option) != std::string::npos) continue;
        text.append(text.empty() ? "" : " ").append(option);
    }
    return text;
}

}  // namespace

std::string version_text() {
    std::string text = "nginx version: " + std::string(kProduct);
    if (Text(SLUICE_BUILD_NAME).size() != 0) text.append(" (" SLUICE_BUILD_NAME ")");
    return text + "\n";
}

std::string configuration_text(const std::string& modules) {
    const module::Index index(read_index(modules));
    std::string text = "built by " SLUICE_COMPILER "\n";
    text.append("built with PCRE2 ").append(pcre2_version());
    text.append(", zlib ").append(::zlibVersion());
    for (const module::IndexedModule& module : index.modules()) {
        if (module.name == "http_ssl") text.append("\nTLS SNI support enabled");
    }
    text.append("\nevent methods: ");
    add_backend(text, "io_uring", event::BackendKind::io_uring);
    text.append(", ");
    add_backend(text, "epoll", event::BackendKind::epoll);
    text.append("\nmodules: ").append(modules);
    text.append("\nconfigure arguments: ").append(arguments_text(index)).append("\n");
    return text;
}

std::string usage_text() {
    return "usage: sluice [-?hvVtTqm] [-s signal] [-p prefix] [-e file] [-c file] [-g directives]\n"
           "\n"
           "  -?, -h         this text\n"
           "  -v             the version\n"
           "  -V             version, build and options of configure\n"
           "  -t             checks the configuration, then leaves\n"
           "  -T             as -t, and prints all files of the configuration\n"
           "  -q             -t says nothing unless something is wrong\n"
           "  -s signal      tells the running server: stop, quit, reopen, reload\n"
           "  -p prefix      base of relative paths [" SLUICE_PREFIX
           "]\n"
           "  -e file        error log until the configuration names one [" SLUICE_ERROR_LOG_PATH
           "]\n"
           "  -c file        the configuration [" SLUICE_CONF_PATH
           "]\n"
           "  -g directives  directives of the main context, before those of the file\n"
           "\n"
           "  -m             lists the modules and writes their index anew\n"
           "  --help-directive NAME   explains a directive\n"
           "  --list-directives       all directives: module, name, contexts, default, syntax, purpose by tabs\n"
           "  --list-variables        all variables: module, name, family\n";
}

}  // namespace sluice::cli
