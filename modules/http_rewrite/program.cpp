// Running the steps of a block.
#include "program.h"

#include <cstring>
#include <optional>

#include <sluice/http/conf/tree.h>
#include <sluice/http/content_type.h>
#include <sluice/http/uri/escape.h>

namespace sluice::rewrite {

namespace {

using http::Request;
using http::Verdict;

constexpr bool is_redirect(uint16_t status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

LogLevel level_of(const RewriteConf& conf) {
    return *conf.rewrite_log ? LogLevel::notice : LogLevel::debug;
}

/// The client wrote the path with escapes: what is taken from it is escaped again where it becomes part of a URL.
bool was_escaped(const Request& request) {
    return request.unparsed_uri.find_first_of("%+") != Text::npos;
}

Text escaped_args(Request& request, Text value) {
    const size_t size = http::uri::escaped_size(value, http::uri::Escape::args);
    if (size == value.size()) return value;
    return http::uri::escape(value, http::uri::Escape::args, request.arena().make_bytes(size));
}

/// As Complex::evaluate, with the captures escaped.
Text evaluate(Request& request, const script::Complex& value, bool escapes) {
    if (!escapes || value.is_constant()) {
        const Text plain = value.evaluate(request);
        return script::is_found(plain) ? plain : Text("");
    }
    Text whole("");
    for (const script::Complex::Part& part : value.parts()) {
        Text piece = part.value(request);
        if (part.kind == script::Complex::Kind::capture) piece = escaped_args(request, piece);
        whole = request.arena().concat(whole, piece);
    }
    return whole;
}

Verdict answer(Request& request, const Return& step) {
    if (!step.has_text && step.status >= 400) return Verdict::respond(step.status);
    request.body.discard();
    request.response.status = step.status;  // $status in the text
    const Text text = step.text.evaluate(request);
    if (is_redirect(step.status)) {
        request.response.location = script::is_found(text) ? text : Text("");
        return Verdict::respond(step.status);
    }
    if (!step.has_text && step.status == 204) return request.respond_with(204, {}, {});
    // An answer of an upstream that led here by X-Accel-Redirect has said what it is.
    const Text type = request.response.content_type;
    return request.respond_with(step.status, type.empty() ? http::content_type_of(request) : type, text);
}

Text joined_args(Request& request, const Rewrite& step, bool escapes) {
    const Text own = step.has_args ? evaluate(request, step.args, escapes) : Text("");
    if (!step.keeps_args || request.args.empty()) return own;
    return own.empty() ? request.args : request.arena().concat(own, "&", request.args);
}

/// nginx takes escapes of printable characters above "%" off a redirect's target, up to its question mark. So
/// `%2f` and `%3f` become "/" and "?", `%20` stays.
Text decode_target(Request& request, Text target) {
    constexpr int kDelete = 0x7f;
    if (target.find('%') == Text::npos) return target;
    const std::span<char> room = request.arena().make_bytes(target.size());
    size_t size = 0;
    while (!target.empty()) {
        const int byte = target.front() == '%' ? http::uri::decode_escape(target) : -1;
        const bool is_taken = byte > '%' && byte < kDelete;
        const char c = is_taken ? static_cast<char>(byte) : target.front();
        room[size++] = c;
        target.remove_prefix(is_taken ? 3 : 1);
        if (c != '?') continue;
        std::memcpy(room.data() + size, target.data(), target.size());
        size += target.size();
        break;
    }
    return {room.data(), size};
}

Verdict redirect(Request& request, const Rewrite& step, LogLevel level) {
    const bool escapes = was_escaped(request);
    const Text path = decode_target(request, evaluate(request, step.path, escapes));
    const Text args = joined_args(request, step, escapes);
    request.response.location = args.empty() ? path : request.arena().concat(path, "?", args);
    request.log().write(level, 0, "rewritten redirect: \"", request.response.location, "\"");
    request.body.discard();
    return Verdict::respond(step.flag == Rewrite::Flag::permanent ? 301 : 302);
}

/// Nothing: the next step runs.
std::optional<Verdict> rewrite(Request& request, const Rewrite& step, LogLevel level) {
    const script::Match match = step.regex->match(request, request.uri);
    if (match == script::Match::failed) return Verdict::respond(500);
    if (match == script::Match::no) {
        request.set_captures({}, {});
        request.log().write(level, 0, "\"", step.regex->pattern(), "\" does not match \"", request.uri, "\"");
        return std::nullopt;
    }
    request.log().write(level, 0, "\"", step.regex->pattern(), "\" matches \"", request.uri, "\"");
    if (step.flag == Rewrite::Flag::redirect || step.flag == Rewrite::Flag::permanent)
        return redirect(request, step, level);
    const Text path = evaluate(request, step.path, false);
    request.args = joined_args(request, step, was_escaped(request));
    if (path.empty()) {
        request.log().error(0, "the rewritten URI has a zero length");
        return Verdict::respond(500);
    }
    // Who compares sees by its place that it is another URI, even where all of the old one was captured.
    request.uri = path.data() == request.uri.data() ? request.arena().copy(path) : path;
    request.is_internal = true;
    request.log().write(level, 0, "rewritten data: \"", path, "\", args: \"", request.args, "\"");
    request.is_uri_changed = step.flag != Rewrite::Flag::stop;
    if (step.flag == Rewrite::Flag::none) return std::nullopt;
    return Verdict::pass();
}

std::optional<Verdict> run_block(Request& request, const RewriteConf& conf);

std::optional<Verdict> branch(Request& request, const Branch& step, LogLevel level) {
    switch (judge(step.condition, request, level)) {
        case Outcome::failed: return Verdict::respond(500);
        case Outcome::unmet: return std::nullopt;
        case Outcome::met: break;
    }
    // In a server block there is nothing but rules in it: the settings in force stay those of the server, and the
    // location is found later.
    if (&request.location() != &request.server().root) request.use_location(*step.location);
    return run_block(request,
                     *static_cast<const RewriteConf*>(step.location->confs.find(conf::slot_of<RewriteConf>())));
}

std::optional<Verdict> run_step(Request& request, const RewriteConf& conf, const Step& step) {
    switch (step.kind) {
        case Step::Kind::answer: return answer(request, *static_cast<const Return*>(step.detail));
        case Step::Kind::rewrite: return rewrite(request, *static_cast<const Rewrite*>(step.detail), level_of(conf));
        case Step::Kind::branch: return branch(request, *static_cast<const Branch*>(step.detail), level_of(conf));
        case Step::Kind::assign: {
            const auto& assignment = *static_cast<const Assignment*>(step.detail);
            const Text value = assignment.value.evaluate(request);
            SLUICE_LOG_DEBUG(request.log(), "set: \"", value, "\"");
            request.assign(assignment.variable, script::is_found(value) ? value : Text(""));
            return std::nullopt;
        }
        case Step::Kind::stop: break;
    }
    request.is_uri_changed = false;
    return Verdict::pass();
}

std::optional<Verdict> run_block(Request& request, const RewriteConf& conf) {
    for (const Step& step : conf.steps) {
        const std::optional<Verdict> verdict = run_step(request, conf, step);
        if (verdict) return verdict;
    }
    return std::nullopt;
}

}  // namespace

http::Verdict run(http::Request& request) {
    const std::optional<Verdict> verdict = run_block(request, request.conf<RewriteConf>());
    return verdict ? *verdict : Verdict::decline();
}

http::Verdict run_in_location(http::Request& request) {
    return &request.location() == &request.server().root ? Verdict::decline() : run(request);
}

}  // namespace sluice::rewrite
