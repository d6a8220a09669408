// http_log: a line for each request.
//   log_format main '$remote_addr "$request" $status';   access_log logs/access.log main buffer=32k flush=5s;
#include <array>

#include "config.h"
#include "http/conf/http_conf.h"
#include "http/log/log_conf.h"
#include "http/module.h"
#include "http/modules.h"
#include "http/request.h"

namespace sluice::http::log {

namespace {

using conf::Arguments;
using conf::Context;
using conf::Parser;
using conf::Token;

constexpr Text kCombined =
    "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" "
    "\"$http_user_agent\"";
constexpr Bytes kGzipBuffer{64 * 1024};

template <class... Parts>
Error error(Parser& parser, const Parts&... parts) {
    return Error(parser.arena().concat(parts...));
}

Error invalid_parameter(Parser& parser, const Token& word) {
    parser.point_at(word);
    return error(parser, "invalid parameter \"", word.text, "\"");
}

Result<void> append(Parser& parser, Format& format, script::VariableTable& variables, const Token& word) {
    Result<void> added = format.append(parser.arena(), variables, word);
    if (!added) parser.point_at(word);
    return added;
}

/// `combined` is there when somebody asks for it: a configuration without it needs none of its variables.
Result<const Format*> find_format(Parser& parser, LogMain& main, const Token& name,
                                  script::VariableTable& variables) {
    if (const Format* known = main.find_format(name.text)) return known;
    if (name.text != "combined") {
        parser.point_at(name);
        return error(parser, "unknown log format \"", name.text, "\"");
    }
    auto made = std::make_unique<Format>("combined", Escape::standard);
    if (Result<void> added = append(parser, *made, variables, {.text = kCombined, .at = name.at}); !added)
        return added.error();
    main.formats.push_back(std::move(made));
    return main.formats.back().get();
}

Result<void> parse_format(Parser& parser, LogMain& main, Arguments words) {
    const Text name = words[0].text;
    parser.point_at(words[0]);
    if (name == "combined" || main.find_format(name) != nullptr)
        return error(parser, "duplicate \"log_format\" name \"", name, "\"");
    Arguments texts = words.subspan(1);
    Escape escape = Escape::standard;
    constexpr Text kEscape = "escape=";
    if (texts[0].text.starts_with(kEscape)) {
        const Text kind = texts[0].text.substr(kEscape.size());
        parser.point_at(texts[0]);
        if (kind == "json")
            escape = Escape::json;
        else if (kind == "none")
            escape = Escape::none;
        else if (kind != "default")
            return error(parser, "unknown log format escaping \"", kind, "\"");
        texts = texts.subspan(1);
    }
    auto made = std::make_unique<Format>(name, escape);
    for (const Token& text : texts)
        if (Result<void> added = append(parser, *made, *parser.scope().variables, text); !added) return added;
    main.formats.push_back(std::move(made));
    return {};
}

/// What stands behind the format.
struct Parameters {
    Buffering buffering;
    const script::Complex* condition = nullptr;
};

Result<void> parse_condition(Parser& parser, const Token& word, Text condition, Parameters& to) {
    Result<script::Complex> compiled = script::Complex::compile(parser, word, condition);
    if (!compiled) return compiled.error();
    to.condition = parser.arena().make<script::Complex>(*compiled);
    return {};
}

Result<void> parse_gzip(Parser& parser, Text level, Buffering& to) {
    if (to.size.count == 0) to.size = kGzipBuffer;
    to.gzip = 1;
    if (level.empty()) return {};
    const std::optional<uint64_t> number = text::parse_uint(level.substr(1));
    if (!number || *number < 1 || *number > 9)
        return error(parser, "invalid compression level \"", level.substr(1), "\"");
    to.gzip = static_cast<int>(*number);
    return {};
}

Result<void> parse_parameter(Parser& parser, const Token& word, Parameters& to) {
    const auto rest_of = [&](Text name) { return word.text.substr(name.size()); };
    parser.point_at(word);
    if (word.text.starts_with("buffer=")) {
        const std::optional<Bytes> size = conf::parse::to_bytes(rest_of("buffer="), false);
        if (!size || size->count == 0) return error(parser, "invalid buffer size \"", rest_of("buffer="), "\"");
        to.buffering.size = *size;
        return {};
    }
    if (word.text.starts_with("flush=")) {
        const std::optional<Msec> flush = conf::parse::to_milliseconds(rest_of("flush="));
        if (!flush || flush->count == 0) return error(parser, "invalid flush time \"", rest_of("flush="), "\"");
        to.buffering.flush = *flush;
        return {};
    }
    if (word.text.starts_with("if=")) return parse_condition(parser, word, rest_of("if="), to);
    if (word.text == "gzip" || word.text.starts_with("gzip="))
        return parse_gzip(parser, rest_of("gzip"), to.buffering);
    return invalid_parameter(parser, word);
}

Result<void> check(Parser& parser, const AccessLog& log, const Token& target, const Buffering& buffering) {
    parser.point_at(target);
    if (buffering.flush.count > 0 && buffering.size.count == 0)
        return error(parser, "no buffer is defined for access_log \"", target.text, "\"");
    if (buffering.size.count == 0) return {};
    if (log.path != nullptr) return Error("buffered logs cannot have variables in name");
    if (log.syslog != nullptr) return Error("logs to syslog cannot be buffered");
    if (!log.file->use(buffering))
        return error(parser, "access_log \"", target.text, "\" already defined with conflicting parameters");
    return {};
}

Result<void> parse_target(Parser& parser, LogMain& main, const Token& word, AccessLog& to) {
    constexpr Text kSyslog = "syslog:";
    parser.point_at(word);
    if (word.text.starts_with(kSyslog)) {
        auto made = sluice::log::Syslog::parse(word.text.substr(kSyslog.size()));
        if (!made) return made.error();
        using Holder = std::unique_ptr<sluice::log::Syslog>;
        to.syslog = parser.arena().make<Holder>(std::move(*made))->get();
        return {};
    }
    const Text path = word.text.empty() ? Text("") : parser.full_path(word.text);
    if (word.text.find('$') == Text::npos) {
        to.file = &main.file(parser.environment().files, path);
        return {};
    }
    Result<script::Complex> compiled = script::Complex::compile(parser, word, path);
    if (!compiled) return compiled.error();
    to.path = parser.arena().make<script::Complex>(*compiled);
    return {};
}

Result<void> parse_access_log(Parser& parser, Setting<AccessLogs>& field, Arguments words) {
    AccessLogs logs = *field;
    if (words[0].text == "off") {
        if (words.size() > 1) return invalid_parameter(parser, words[1]);
        logs.is_off = true;
        field.set(logs);
        return {};
    }
    auto& main = parser.conf<LogMain>();
    AccessLog log;
    if (Result<void> done = parse_target(parser, main, words[0], log); !done) return done;
    const Token combined{.text = "combined", .at = words[0].at};
    Result<const Format*> format =
        find_format(parser, main, words.size() > 1 ? words[1] : combined, *parser.scope().variables);
    if (!format) return format.error();
    log.format = *format;
    Parameters parameters;
    for (size_t i = 2; i < words.size(); ++i)
        if (Result<void> done = parse_parameter(parser, words[i], parameters); !done) return done;
    if (Result<void> done = check(parser, log, words[0], parameters.buffering); !done) return done;
    log.condition = parameters.condition;
    logs.all.append(parser.arena(), log);
    field.set(logs);
    return {};
}

bool parse_cache_parameter(Text word, OpenLogsSettings& to) {
    const size_t split = word.find('=');
    if (split == Text::npos) return false;
    const Text name = word.substr(0, split);
    const Text value = word.substr(split + 1);
    if (name == "max" || name == "min_uses") {
        const std::optional<uint64_t> number = text::parse_uint(value);
        if (!number || *number > INT32_MAX) return false;
        (name == "max" ? to.max : to.min_uses) = static_cast<uint32_t>(*number);
        return true;
    }
    if (name != "inactive" && name != "valid") return false;
    const std::optional<Seconds> time = conf::parse::to_seconds(value);
    if (time) (name == "inactive" ? to.inactive : to.valid) = *time;
    return time.has_value();
}

Result<void> parse_cache(Parser& parser, Setting<OpenLogs*>& field, Arguments words) {
    OpenLogsSettings settings;
    bool is_off = false;
    for (const Token& word : words) {
        parser.point_at(word);
        if (word.text == "off")
            is_off = true;
        else if (!parse_cache_parameter(word.text, settings))
            return error(parser, "invalid \"open_log_file_cache\" parameter \"", word.text, "\"");
    }
    if (!is_off && settings.max == 0) return Error("\"open_log_file_cache\" must have \"max\" parameter");
    field.set(is_off ? nullptr : parser.arena().make<OpenLogs>(settings));
    return {};
}

/// The default log is opened only where some server has no other.
Result<void> configured(Parser& parser, HttpConf& http) {
    bool is_needed = false;
    for (const auto& server : http.servers) {
        const auto* conf = static_cast<LogLocation*>(server->root.confs.find(conf::slot_of<LogLocation>()));
        is_needed |= conf == nullptr || !conf->logs.is_set();
    }
    if (!is_needed) return {};
    auto& main = *static_cast<LogMain*>(http.main_confs->find(conf::slot_of<LogMain>()));
    AccessLog log;
    log.file = &main.file(parser.environment().files, parser.full_path(SLUICE_HTTP_LOG_PATH));
    Result<const Format*> combined = find_format(parser, main, {.text = "combined", .at = {}}, http.variables);
    if (!combined) return combined.error();
    // Variables that nobody else uses are bound late.
    const auto load_nothing = [](Text) { return false; };
    if (Result<void> bound = http.variables.bind(parser.arena(), load_nothing); !bound) return bound;
    log.format = *combined;
    main.fallback.all.append(parser.arena(), log);
    return {};
}

void write(Request& request, const LogLocation& conf, const AccessLog& log) {
    if (log.condition != nullptr && !script::is_true(log.condition->evaluate(request))) return;
    const Line line(*log.format, request);
    if (log.file != nullptr) return log.file->append(line, request);
    if (log.path != nullptr) return append_to_path(request, *log.path, *conf.open_logs, line);
    char* const begin = request.arena().make_bytes(line.size()).data();
    line.write(begin);
    log.syslog->send({begin, line.size()}, request.log());
}

Verdict log_request(Request& request) {
    const auto& conf = request.conf<LogLocation>();
    const AccessLogs& logs = conf.logs.is_set() ? *conf.logs : request.conf<LogMain>().fallback;
    if (logs.is_off) return Verdict::decline();
    for (const AccessLog& log : logs.all) write(request, conf, log);
    return Verdict::decline();
}

constexpr std::array kDirectives{
    action<LogMain, parse_format>("log_format", {.where = Context::http,
                                                 .initial = "combined \"...\"",
                                                 .help = "names a format of access log lines",
                                                 .arity = {2, conf::Arity::kMany},
                                                 .syntax = "name [escape=default|json|none] string ..."}),
    custom<&LogLocation::logs, parse_access_log>(
        "access_log", {.where = anywhere_and_if | Context::http_limit_except,
                       .help = "file, syslog or off: where requests are logged [" SLUICE_HTTP_LOG_PATH " combined]",
                       .arity = {1, conf::Arity::kMany},
                       .may_repeat = true,
                       .syntax = "path [format [buffer=size] [gzip[=level]] [flush=time] [if=condition]] | off"}),
    custom<&LogLocation::open_logs, parse_cache>("open_log_file_cache",
                                                 {.where = anywhere,
                                                  .initial = "off",
                                                  .help = "keeps logs open whose path has variables",
                                                  .arity = {1, 4},
                                                  .syntax = "off | max=N [inactive=time] [min_uses=N] [valid=time]"}),
};

constexpr std::array kPhases{PhaseHandler{.phase = Phase::log, .run = log_request}};

constexpr Module kModule{
    .name = "http_log",
    .main = conf_type<LogMain>(),
    .location = conf_type<LogLocation>(),
    .directives = kDirectives,
    .phases = kPhases,
    .configured = configured,
    .worker_stopping = LogFile::leave,
};

}  // namespace

const Format* LogMain::find_format(Text name) const {
    for (const auto& format : formats)
        if (format->name() == name) return format.get();
    return nullptr;
}

LogFile& LogMain::file(sluice::log::OpenFiles& open_files, Text path) {
    for (const auto& known : files)
        if (known->file().path() == path) return *known;
    return *files.emplace_back(std::make_unique<LogFile>(open_files.file(path)));
}

}  // namespace sluice::http::log

namespace sluice::http {
constinit const module::Descriptor kLogModule = describe(log::kModule);
}  // namespace sluice::http
