// What this OpenSSL can't do.
#include "certificate_settings.h"

namespace sluice::tls {

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
