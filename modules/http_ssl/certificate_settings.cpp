// ssl_certificate_cache, and what this OpenSSL can't do.
#include "certificate_settings.h"

namespace sluice::tls {

namespace {

bool read_time(Text word, Text name, Msec& out) {
    if (!word.starts_with(name)) return false;
    const std::optional<Seconds> time = conf::parse::to_seconds(word.substr(name.size()));
    if (time) out = *time;
    return time.has_value();
}

bool read_parameter(Text word, CacheSettings& settings) {
    constexpr Text kMost = "max=";
    if (!word.starts_with(kMost))
        return read_time(word, "inactive=", settings.inactive) || read_time(word, "valid=", settings.valid);
    const std::optional<uint64_t> most = text::parse_uint(word.substr(kMost.size()));
    if (most && *most > 0) settings.most = *most;
    return most && *most > 0;
}

}  // namespace

Result<void> parse_certificate_cache(conf::Parser& parser, Setting<CacheSettings>& field, conf::Arguments words) {
    CacheSettings settings;
    const bool is_off = words.size() == 1 && words[0].text == "off";
    for (const conf::Token& word : words) {
        if (is_off || read_parameter(word.text, settings)) continue;
        parser.point_at(word);
        return Error(parser.arena().concat("invalid parameter \"", word.text, "\""));
    }
    if (!is_off && settings.most == 0) return Error("\"ssl_certificate_cache\" must have the \"max\" parameter");
    field.set(settings);
    return {};
}

Result<void> parse_certificate_compression(conf::Parser& parser, Setting<bool>& field, conf::Arguments words) {
    bool is_on = false;
    conf::Directive row{};
    row.name = "ssl_certificate_compression";
    if (Result<void> parsed = conf::parse::flag(parser, row, words[0], is_on); !parsed) return parsed;
    if (is_on) parser.warn("\"ssl_certificate_compression\" is not supported by this OpenSSL, ignored");
    field.set(is_on);
    return {};
}

Result<void> parse_ech_file(conf::Parser& parser, Setting<Word>& field, conf::Arguments words) {
    parser.warn("\"ssl_ech_file\" is not supported by this OpenSSL, ignored");
    field.set({words[0].text, words[0].at});
    return {};
}

}  // namespace sluice::tls
