// Parsers of TLS settings that have a grammar of their own.
#include "event/tls/settings.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "core/base/unique_fd.h"
#include "core/conf/parser.h"

namespace sluice::event::tls::parse {

namespace {

/// The value behind "name="; nothing when the word is not of that name.
std::optional<Text> value_of(Text word, Text name) {
    if (!word.starts_with(name)) return std::nullopt;
    return word.substr(name.size());
}

/// False: the word is no parameter of a cache.
bool take_parameter(Text word, CacheSettings& cache) {
    if (const auto value = value_of(word, "max=")) {
        const std::optional<uint64_t> number = text::parse_uint(*value);
        if (!number || *number == 0) return false;
        cache.most = *number;
        return true;
    }
    if (const auto value = value_of(word, "inactive=")) {
        const std::optional<Seconds> time = conf::parse::to_seconds(*value);
        if (time) cache.inactive = *time;
        return time.has_value();
    }
    if (const auto value = value_of(word, "valid=")) {
        const std::optional<Seconds> time = conf::parse::to_seconds(*value);
        if (time) cache.valid = *time;
        return time.has_value();
    }
    return false;
}

}  // namespace

Result<void> certificate_cache(conf::Parser& parser, Setting<CacheSettings>& field, conf::Arguments words) {
    CacheSettings cache;
    bool is_off = false;
    for (const conf::Token& word : words) {
        if (word.text == "off") {
            is_off = true;
        } else if (!take_parameter(word.text, cache)) {
            parser.point_at(word);
            return Error(parser.arena().concat("invalid parameter \"", word.text, "\""));
        }
    }
    if (is_off) cache = {};
    if (!is_off && cache.most == 0)
        return Error(parser.arena().concat("\"", parser.directive().text, "\" must have the \"max\" parameter"));
    field.set(cache);
    return {};
}

Result<void> password_file(conf::Parser& parser, Setting<Passwords>& field, conf::Arguments words) {
    /// A file that is larger than any list of passphrases.
    constexpr size_t kMost = size_t{1} << 20U;
    Arena& arena = parser.arena();
    const Text path = parser.full_conf_path(words[0].text);
    const UniqueFd fd(::open(std::string(path).c_str(), O_RDONLY | O_CLOEXEC));
    parser.point_at(words[0]);
    if (!fd) return Error(arena.concat("open() \"", path, "\" failed"), errno);
    std::string content;
    char room[4096];
    ssize_t got = 0;
    while (content.size() < kMost && (got = ::read(fd.get(), room, sizeof room)) > 0)
        content.append(room, static_cast<size_t>(got));
    if (got < 0) return Error(arena.concat("read() \"", path, "\" failed"), errno);
    Passwords passwords;
    Text rest = arena.copy(content);
    while (!rest.empty()) {
        Text line = text::split_off(rest, '\n');
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (!line.empty()) passwords.lines.append(arena, line);
    }
    passwords.is_file_given = true;
    field.set(passwords);
    return {};
}

}  // namespace sluice::event::tls::parse
