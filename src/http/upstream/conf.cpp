// Conf: what follows from several settings together.
#include "http/upstream/conf.h"

#include "core/conf/parser.h"
#include "event/resolve_config.h"
#include "http/conf/core_parsers.h"

namespace sluice::http::upstream {

namespace {

Result<void> check_sizes(conf::Parser& parser, Conf& conf, Text prefix) {
    Arena& arena = parser.arena();
    // The caret stands under whichever of them was written in this block.
    const auto fail = [&](Text text, const auto&... settings) -> Result<void> {
        (parser.point_at(settings), ...);
        return Error(text);
    };
    const conf::BufferCount& buffers = *conf.buffers;
    if (buffers.number < 2)
        return fail(arena.concat("there must be at least 2 \"", prefix, "buffers\""), conf.buffers);
    const int64_t largest = std::max(conf.buffer_size->count, buffers.size.count);
    if (!conf.busy_buffers_size.is_set()) conf.busy_buffers_size.value = {2 * largest};
    if (!conf.temp_file_write_size.is_set()) conf.temp_file_write_size.value = {2 * largest};
    const Text rest = arena.concat(" must be equal to or greater than the maximum of the value of \"", prefix,
                                   "buffer_size\" and one of the \"", prefix, "buffers\"");
    if (conf.busy_buffers_size->count < largest)
        return fail(arena.concat("\"", prefix, "busy_buffers_size\"", rest), conf.buffers, conf.buffer_size,
                    conf.busy_buffers_size);
    if (conf.busy_buffers_size->count > int64_t{buffers.number - 1} * buffers.size.count)
        return fail(arena.concat("\"", prefix, "busy_buffers_size\" must be less than the size of all \"", prefix,
                                 "buffers\" minus one buffer"),
                    conf.buffer_size, conf.buffers, conf.busy_buffers_size);
    if (conf.temp_file_write_size->count < largest)
        return fail(arena.concat("\"", prefix, "temp_file_write_size\"", rest), conf.buffers, conf.buffer_size,
                    conf.temp_file_write_size);
    if (conf.max_temp_file_size->count != 0 && conf.max_temp_file_size->count < largest)
        return fail(
            arena.concat("\"", prefix,
                         "max_temp_file_size\" must be equal to zero to disable temporary files usage or must "
                         "be equal to or greater than the maximum of the value of \"",
                         prefix, "buffer_size\" and one of the \"", prefix, "buffers\""),
            conf.buffers, conf.buffer_size, conf.max_temp_file_size);
    return {};
}

}  // namespace

Result<void> complete(conf::Parser& parser, Conf& conf, Text prefix, HiddenByDefault hidden) {
    if (Result<void> checked = check_sizes(parser, conf, prefix); !checked) return checked;
    conf.memory_limit = int64_t{conf.buffers->number} * conf.buffers->size.count;
    auto* set = parser.arena().make<NameSet>();
    const auto is_passed = [&](Text name) {
        for (const Text passed : *conf.pass_headers)
            if (text::iequals(passed, name)) return true;
        return false;
    };
    for (const Text name : hidden)
        if (!is_passed(name)) set->add(name);
    for (const Text name : *conf.hide_headers)
        if (!is_passed(name)) set->add(name);
    conf.hidden = set;
    return {};
}

namespace parse {

Result<void> bind(conf::Parser& parser, Setting<Bind>& field, conf::Arguments words) {
    Bind bind;
    if (words[0].text != "off" || words.size() == 2) {
        Result<script::Complex> address =
            script::Complex::compile(parser.arena(), *parser.scope().variables, words[0].text, words[0].at);
        if (!address) return address.error();
        if (address->is_constant() && !event::parse_local(address->source())) {
            parser.point_at(words[0]);
            return Error(parser.arena().concat("invalid address \"", words[0].text, "\""));
        }
        bind = {*address, true, false};
    }
    if (words.size() == 2) {
        if (words[1].text != "transparent") {
            parser.point_at(words[1]);
            return Error(parser.arena().concat("invalid parameter \"", words[1].text, "\""));
        }
        bind.is_transparent = true;
    }
    field.set(bind);
    return {};
}

Result<void> temp_path(conf::Parser& parser, Setting<TempPath>& field, conf::Arguments words) {
    return http::parse::temp_path(parser, field, words);
}

}  // namespace parse

}  // namespace sluice::http::upstream
