// ssl_engine: OpenSSL's work is done by an engine, such as one that drives a device.
//   ssl_engine dynamic;
#include <array>
#include <string>

#include <openssl/engine.h>
#include <openssl/err.h>
#include <sluice/core/conf/parser.h>
#include <sluice/core/module/descriptor.h>

namespace {

using namespace sluice;

struct EngineConf {
    static conf::Slot slot;
    Setting<Text> engine;
};
conf::Slot EngineConf::slot;

/// `what` and OpenSSL's reasons, in nginx's form.
Error make_error(std::string what) {
    what += " (SSL:";
    while (const unsigned long code = ERR_peek_error()) {
        std::array<char, 256> room;
        const char* data = nullptr;
        int flags = 0;
        ERR_peek_error_data(&data, &flags);
        ERR_error_string_n(code, room.data(), room.size());
        what.append(" ").append(room.data());
        if (data != nullptr && *data != '\0' && (flags & ERR_TXT_STRING) != 0) what.append(":").append(data);
        ERR_get_error();
    }
    return Error(what + ")");
}

// Engines are what the directive is about, and OpenSSL 3 has them still.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
Result<void> use_engine(conf::Parser& parser, Setting<Text>& field, conf::Arguments words) {
    const Text name = words[0].text;
    const auto refuse = [&](Text function) -> Result<void> {
        parser.point_without_place(words[0].at);
        return make_error(std::string(function) + "(\"" + std::string(name) + "\") failed");
    };
    ENGINE* const engine = ENGINE_by_id(std::string(name).c_str());
    if (engine == nullptr) return refuse("ENGINE_by_id");
    const bool is_used = ENGINE_set_default(engine, ENGINE_METHOD_ALL) != 0;
    ENGINE_free(engine);
    if (!is_used) return refuse("ENGINE_set_default");
    field.set(name);
    return {};
}
#pragma GCC diagnostic pop

constexpr std::array kDirectives{
    conf::custom<&EngineConf::engine, use_engine>("ssl_engine", {.where = conf::Context::main,
                                                                 .help = "engine of OpenSSL that does its work",
                                                                 .arity = {1, 1},
                                                                 .syntax = "device"}),
};

constexpr module::Descriptor describe(std::span<const conf::Directive> rows) {
    return {.name = "ssl_engine",
            .family = module::Family::core,
            .directives = rows,
            .conf_types = {conf::conf_type<EngineConf>()}};
}

}  // namespace

SLUICE_EXPORT_MODULE(std::span<const conf::Directive>(kDirectives));
