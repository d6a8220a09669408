// Values of a few words: temporary paths, keep-alive times, the open file cache.
#include <algorithm>
#include <array>
#include <string>

#include "event/service.h"
#include "http/conf/core_parsers.h"
#include "http/static/open_file_cache.h"

namespace sluice::http::parse {

namespace {

Result<void> invalid_parameter(Parser& parser, const conf::Token& word) {
    parser.point_at(word);
    return Error(parser.arena().concat("invalid parameter \"", word.text, "\""));
}

/// The word behind "name=", as a token that keeps its place.
bool take_value(const conf::Token& word, Text name_and_equals, conf::Token& value) {
    if (!word.text.starts_with(name_and_equals)) return false;
    value = word;
    value.text.remove_prefix(name_and_equals.size());
    return true;
}

/// What two directives share must have one layout.
Result<void> add_folder(Parser& parser, const TempPath& path) {
    const conf::Position& here = parser.directive().at;
    for (conf::Folder& known : parser.environment().folders) {
        if (known.path != path.path) continue;
        if (known.levels == path.levels) return {};
        // A default gives way to what somebody wrote.
        if (known.at.line == 0 || here.line == 0) {
            if (known.at.line == 0) known = {path.path, path.levels, here};
            return {};
        }
        return Error(parser.arena().concat("the same path name \"", path.path, "\" in ", known.at.file, ":",
                                           std::to_string(known.at.line), " has the different levels than"));
    }
    parser.environment().folders.push_back({path.path, path.levels, here});
    return {};
}

}  // namespace

Result<void> temp_path(Parser& parser, Setting<TempPath>& field, Arguments words) {
    TempPath path;
    uint64_t digits_left = TempPath::kDigits;
    path.path = parser.full_path(words[0].text);
    while (path.path.size() > 1 && path.path.ends_with('/')) path.path.remove_suffix(1);
    for (size_t i = 1; i < words.size(); ++i) {
        const std::optional<uint64_t> level = text::parse_uint(words[i].text);
        if (!level || *level < 1 || *level > digits_left) {
            parser.point_at(words[i]);
            return Error(parser.arena().concat("\"", parser.directive().text, "\" directive invalid value"));
        }
        digits_left -= *level;
        path.levels[i - 1] = static_cast<uint8_t>(*level);
    }
    if (Result<void> added = add_folder(parser, path); !added) return added;
    field.set(path);
    return {};
}

Result<void> aio(Parser& parser, Setting<AioSettings>& field, Arguments words) {
    AioSettings settings;
    std::vector<conf::Token>& pools = parser.environment().thread_pools_asked_for;
    conf::Token pool;
    if (words[0].text == "on") {
        settings.way = Aio::kernel;
    } else if (words[0].text == "threads") {
        settings = {Aio::threads, script::Complex(event::kDefaultThreadPool)};
        pools.push_back({.text = event::kDefaultThreadPool, .at = words[0].at});
    } else if (take_value(words[0], "threads=", pool)) {
        Result<script::Complex> compiled = script::Complex::compile(parser, words[0], pool.text);
        if (!compiled) return compiled.error();
        if (compiled->is_constant()) pools.push_back(pool);
        settings = {Aio::threads, *compiled};
    } else if (words[0].text != "off") {
        parser.point_at(words[0]);
        return Error("\"aio\" directive invalid value");
    }
    field.set(settings);
    return {};
}

Result<void> directio(Parser& parser, Setting<Offset>& field, Arguments words) {
    if (words[0].text == "off") {
        field.set({{-1}});
        return {};
    }
    Offset size;
    conf::Directive row{};
    row.name = "directio";
    Result<void> parsed = conf::parse::offset(parser, row, words[0], size);
    if (parsed) field.set(size);
    return parsed;
}

Result<void> pool_size(Parser& parser, Setting<Bytes>& field, Arguments words) {
    // The least that nginx's own pools can be made of.
    constexpr int64_t kLeast = 112;
    constexpr int64_t kUnit = 16;
    conf::Directive row{};
    row.name = parser.directive().text;
    Bytes size;
    if (Result<void> parsed = conf::parse::bytes(parser, row, words[0], size); !parsed) return parsed;
    parser.point_at(words[0]);
    if (size.count < kLeast) return Error("the pool size must be no less than 112");
    if (size.count % kUnit != 0) return Error("the pool size must be a multiple of 16");
    field.set(size);
    return {};
}

Result<void> keepalive_timeout(Parser& parser, Setting<KeepaliveTimeout>& field, Arguments words) {
    conf::Directive row{};
    row.name = "keepalive_timeout";
    KeepaliveTimeout value;
    if (Result<void> parsed = conf::parse::milliseconds(parser, row, words[0], value.timeout); !parsed) return parsed;
    if (words.size() == 2) {
        if (Result<void> parsed = conf::parse::seconds(parser, row, words[1], value.header); !parsed) return parsed;
    }
    field.set(value);
    return {};
}

Result<void> open_file_cache(Parser& parser, Setting<OpenFileCache*>& field, Arguments words) {
    uint32_t max = 0;
    Seconds inactive{60};
    bool is_off = false;
    for (const conf::Token& word : words) {
        conf::Token value;
        if (take_value(word, "max=", value)) {
            const std::optional<uint64_t> number = text::parse_uint(value.text);
            if (!number || *number == 0 || *number > UINT32_MAX)
                return Error(parser.arena().concat("invalid \"open_file_cache\" parameter \"", word.text, "\""));
            max = static_cast<uint32_t>(*number);
        } else if (take_value(word, "inactive=", value)) {
            conf::Directive row{};
            row.name = "open_file_cache";
            if (Result<void> parsed = conf::parse::seconds(parser, row, value, inactive); !parsed)
                return Error(parser.arena().concat("invalid \"open_file_cache\" parameter \"", word.text, "\""));
        } else if (word.text == "off") {
            is_off = true;
        } else {
            parser.point_at(word);
            return Error(parser.arena().concat("invalid \"open_file_cache\" parameter \"", word.text, "\""));
        }
    }
    if (!is_off && max == 0) return Error("\"open_file_cache\" must have the \"max\" parameter");
    field.set(is_off ? nullptr : parser.arena().make<OpenFileCache>(max, Msec{inactive.count * 1000}));
    return {};
}

Result<void> disable_symlinks(Parser& parser, Setting<DisableSymlinks>& field, Arguments words) {
    DisableSymlinks value;
    bool is_told = false;
    const conf::Token* from = nullptr;
    for (const conf::Token& word : words) {
        conf::Token part;
        if (word.text == "off") {
            value.check = SymlinkCheck::off;
        } else if (word.text == "on") {
            value.check = SymlinkCheck::on;
        } else if (word.text == "if_not_owner") {
            value.check = SymlinkCheck::if_not_owner;
        } else if (take_value(word, "from=", part)) {
            Result<script::Complex> compiled = script::Complex::compile(parser, word, part.text);
            if (!compiled) return compiled.error();
            value.from = *compiled;
            from = &word;
            continue;
        } else {
            return invalid_parameter(parser, word);
        }
        if (is_told)
            return Error(parser.arena().concat("duplicate parameters \"", words[0].text, " ", words[1].text, "\""));
        is_told = true;
    }
    if (!is_told) return Error("\"disable_symlinks\" must have \"off\", \"on\" or \"if_not_owner\" parameter");
    if (from != nullptr && value.check == SymlinkCheck::off) {
        parser.point_at(*from);
        return Error("\"from=\" cannot be used with \"off\" parameter");
    }
    field.set(value);
    return {};
}

Result<void> body_early_read(Parser& parser, Setting<script::Predicates>& field, Arguments words) {
    const bool is_off = words.size() == 1 && words[0].text == "off";
    script::Predicates conditions = field.is_here() ? *field : script::Predicates{};
    if (field.is_here() && (is_off || conditions.empty()))
        return Error("\"client_body_early_read\" directive is duplicate");
    for (const conf::Token& word : is_off ? Arguments{} : words) {
        Result<script::Complex> condition = script::Complex::compile(parser, word);
        if (!condition) return condition.error();
        conditions.append(parser.arena(), *condition);
    }
    field.set(conditions);
    return {};
}

}  // namespace sluice::http::parse
