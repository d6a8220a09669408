// http_addition: puts the answers of other locations before and behind a page.
//   location / { add_before_body /header.html;  add_after_body /footer.html;  addition_types text/html; }
#include <sluice/sdk.h>

namespace {

using namespace sluice;
using http::BodyStage;
using http::BodyVerdict;
using http::HeaderVerdict;
using http::OutputState;
using http::Request;
using http::Subrequest;

struct Conf {
    Setting<Text> before;
    Setting<Text> after;
    Setting<conf::Sequence<Text>> types;
};

Result<void> parse_types(conf::Parser& parser, Setting<conf::Sequence<Text>>& types, conf::Arguments words) {
    conf::Sequence<Text> list = types.is_here() ? *types : conf::Sequence<Text>{};
    if (list.empty()) list.append(parser.arena(), "text/html");  // always, as nginx has it
    for (const conf::Token& word : words) {
        const Text* same = nullptr;
        for (const Text& type : list) same = text::iequals(type, word.text) ? &type : same;
        if (same != nullptr) {
            const bool is_default = parser.directive().at.line == 0;
            if (!is_default) parser.warn(parser.arena().concat("duplicate MIME type \"", *same, "\""));
        } else {
            list.append(parser.arena(), word.text);
        }
        if (word.text == "*") break;  // all there are
    }
    types.set(list);
    return {};
}

constexpr std::array kDirectives{
    conf::directive<&Conf::before>(
        "add_before_body",
        {.where = http::anywhere, .help = "location whose answer stands before the body", .syntax = "uri"}),
    conf::directive<&Conf::after>(
        "add_after_body",
        {.where = http::anywhere, .help = "location whose answer stands behind the body", .syntax = "uri"}),
    conf::custom<&Conf::types, parse_types>("addition_types", {.where = http::anywhere,
                                                               .initial = "text/html",
                                                               .help = "media types of the pages that are added to",
                                                               .arity = {1, conf::Arity::kMany},
                                                               .may_repeat = true,
                                                               .syntax = "type ... | *"}),
};

/// The page that is being added to.
///
///   first piece ─► before: the piece waits ─► body ─► last piece ─► after ─► end
class Addition final : public http::SubrequestOwner {
 public:
    explicit Addition(Request& request) : request_(request) {}

    BodyVerdict take(event::Chain& chain, bool is_last) {
        const Conf& conf = request_.conf<Conf>();
        if (!was_before_begun_) {
            was_before_begun_ = true;
            if (!conf.before->empty()) {
                copy(chain);
                is_last_ = is_last;
                return begin(*conf.before);
            }
        }
        if (!is_last || conf.after->empty()) return BodyVerdict::go_on;
        return end_with_after(chain) ? BodyVerdict::wait : BodyVerdict::failed;
    }

    void on_subrequest_finished(Subrequest& subrequest) override {
        if (subrequest.has_failed()) return request_.finish(500);
        const Conf& conf = request_.conf<Conf>();
        const bool is_end = is_last_ && (is_after_ || conf.after->empty());
        if (is_last_ && !is_end) {
            if (!end_with_after(kept_)) request_.finish(500);
            return;
        }
        request_.continue_output(BodyStage::addition, kept_, is_end);
    }

 private:
    BodyVerdict begin(Text uri) {
        return Subrequest::start(request_, uri, {}, this, {}) != nullptr ? BodyVerdict::wait : BodyVerdict::failed;
    }

    bool end_with_after(event::Chain& chain) {
        is_last_ = is_after_ = true;
        event::Chain rest;
        rest.splice(chain);
        if (request_.continue_output(BodyStage::addition, rest, false) == OutputState::failed) return false;
        return begin(*request_.conf<Conf>().after) == BodyVerdict::wait;
    }

    /// The source uses its memory again as soon as it is told that all has left.
    void copy(event::Chain& chain) {
        for (const event::Buffer* buffer = chain.head(); buffer != nullptr; buffer = buffer->next) {
            if (buffer->is_file()) {
                kept_.append(*request_.arena().make<event::Buffer>(*buffer));
            } else {
                kept_.add(request_.arena(), request_.arena().copy(buffer->text()));
            }
        }
        chain.clear();
    }

    Request& request_;
    event::Chain kept_;
    bool was_before_begun_ = false;
    bool is_last_ = false;   ///< nothing of the page itself comes any more
    bool is_after_ = false;  ///< what stands behind it is on its way
};

HeaderVerdict prepare(Request& request) {
    const auto& conf = request.conf<Conf>();
    http::Response& response = request.response;
    const bool has_any = !conf.before->empty() || !conf.after->empty();
    if (!has_any || response.status != 200 || !http::has_type(response, *conf.types)) return HeaderVerdict::skip;
    response.clear_length();
    response.allows_ranges = false;
    // RFC 9110 §8.8.1: not the same bytes any more.
    if (!response.etag.empty() && !response.etag.starts_with("W/"))
        response.etag = request.arena().concat("W/", response.etag);
    if (response.is_header_only) return HeaderVerdict::skip;
    request.make_state<Addition>(request);
    return HeaderVerdict::filter;
}

BodyVerdict add(Request& request, event::Chain& chain, bool is_last) {
    return request.state<Addition>()->take(chain, is_last);
}

constexpr std::array kFilters{http::Filter{
    .header_stage = http::HeaderStage::addition, .header = prepare, .body_stage = BodyStage::addition, .body = add}};

constexpr http::Module kModule{
    .name = "http_addition",
    .location = conf::conf_type<Conf>(),
    .directives = kDirectives,
    .filters = kFilters,
    .state = http::state_type<Addition>(),
};

}  // namespace

SLUICE_EXPORT_MODULE(kModule);
