// As the headers of an older server would make it: its http::Module ends before `configured`, and what this server
// would find there is not meant for it.
//   older;      answers with "older"
#include <cstddef>

#include <sluice/sdk.h>

namespace {
using namespace sluice;

http::Verdict answer(http::Request& request) {
    return request.respond_with(200, "text/plain", "older");
}
Result<void> parse_older(conf::Parser&, http::LocationConf& location, conf::Arguments) {
    location.content_handler.set(answer);
    return {};
}
constexpr std::array kDirectives{
    conf::action<http::LocationConf, parse_older>("older", {.where = conf::Context::http_location, .arity = {0, 0}}),
};

struct Older {
    http::Module module;
};
constexpr Older kModule{{
    .name = "http_older",
    .directives = kDirectives,
    .configured = [](conf::Parser&, http::HttpConf&) -> Result<void> { return Error("read behind the end"); },
}};

constexpr module::Descriptor describe(const Older& older) {
    module::Descriptor made = describe(older.module);
    made.specific_size = offsetof(http::Module, configured);
    return made;
}
}  // namespace

SLUICE_EXPORT_MODULE(kModule);
