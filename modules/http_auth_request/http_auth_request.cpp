// http_auth_request: asks another location whether a client may come in. 2xx lets it in, 401 and 403 keep it out, all
// else is an error.
//   location /private/ { auth_request /auth;  auth_request_set $user $upstream_http_x_user; }
//   location = /auth { internal; proxy_pass http://auth; proxy_pass_request_body off; proxy_set_header Content-Length
//   ""; }
#include <sluice/sdk.h>

namespace {

using namespace sluice;
using http::Field;
using http::KnownHeader;
using http::Request;
using http::Subrequest;
using http::Verdict;

/// `auth_request_set $variable value`
struct Assignment {
    uint32_t variable;
    script::Complex value;
};

struct Conf {
    Setting<Text> uri;  ///< empty: nobody is asked
    Setting<conf::Sequence<Assignment>> assignments;
};

Result<void> parse_uri(conf::Parser&, Setting<Text>& uri, conf::Arguments words) {
    uri.set(words[0].text == "off" ? Text{} : words[0].text);
    return {};
}

/// What a variable has that only `auth_request_set` gives a value.
Text get_unset(script::Subject&, const void*, Text) {
    return {};
}

Result<void> parse_set(conf::Parser& parser, Setting<conf::Sequence<Assignment>>& assignments,
                       conf::Arguments words) {
    const Text word = words[0].text;
    parser.point_at(words[0]);
    if (!word.starts_with('$') || word.size() < 2)
        return Error(parser.arena().concat("invalid variable name \"", word, "\""));
    const Text name = word.substr(1);
    Result<uint32_t> variable = parser.scope().variables->define_changeable(
        parser.arena(), name, {.name = name, .get = get_unset, .is_changeable = true, .is_weak = true});
    if (!variable) return variable.error();
    Result<script::Complex> value = script::Complex::compile(parser, words[1]);
    if (!value) return value.error();
    auto list = assignments.is_here() ? *assignments : conf::Sequence<Assignment>{};
    list.append(parser.arena(), {*variable, *value});
    assignments.set(list);
    return {};
}

constexpr std::array kDirectives{
    conf::custom<&Conf::uri, parse_uri>("auth_request",
                                        {.where = http::anywhere,
                                         .initial = "off",
                                         .help = "location that is asked whether a client may come in",
                                         .arity = {1, 1},
                                         .syntax = "uri | off"}),
    conf::custom<&Conf::assignments, parse_set>("auth_request_set",
                                                {.where = http::anywhere,
                                                 .help = "a variable that takes its value from what was answered",
                                                 .arity = {2, 2},
                                                 .may_repeat = true,
                                                 .syntax = "$variable value"}),
};

/// The question that is being asked.
class Question final : public http::SubrequestOwner {
 public:
    explicit Question(Request& request) : request_(request) {}

    void on_subrequest_finished(Subrequest& subrequest) override {
        for (const Assignment& assignment : *request_.conf<Conf>().assignments)
            request_.assign(assignment.variable, assignment.value.evaluate(subrequest.request()));
        request_.resume(judge(subrequest.request()));
    }

 private:
    Verdict judge(Request& answer) {
        const uint16_t status = answer.response.status;
        if (status >= 200 && status < 300) return Verdict::pass();
        if (status == 403) return Verdict::respond(403);
        if (status == 401) {
            for (const Field& field : answer.response.headers)
                if (field.known == KnownHeader::www_authenticate)
                    request_.response.headers.add(request_.arena(), field);
            return Verdict::respond(401);
        }
        request_.log().error(0, "auth request unexpected status: ", status);
        return Verdict::respond(500);
    }

    Request& request_;
};

Verdict ask(Request& request) {
    const Text uri = *request.conf<Conf>().uri;
    if (uri.empty()) return Verdict::decline();
    auto* question = request.arena().make<Question>(request);
    return Subrequest::start(request, uri, {}, question, {.wants_body = false}) != nullptr ? Verdict::suspend()
                                                                                           : Verdict::respond(500);
}

constexpr std::array kPhases{http::PhaseHandler{http::Phase::access, ask, 30}};

constexpr http::Module kModule{
    .name = "http_auth_request",
    .location = conf::conf_type<Conf>(),
    .directives = kDirectives,
    .phases = kPhases,
};

}  // namespace

SLUICE_EXPORT_MODULE(kModule);
