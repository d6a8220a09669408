// Settings of a location: root and alias, types, error pages, logs, and what follows from them together.
#include "core/log/error_log.h"
#include "http/conf/core_parsers.h"
#include "http/conf/location_table.h"

namespace sluice::http::parse {

namespace {

Result<void> set_root(Parser& parser, Setting<Root>& field, Arguments words, bool is_alias) {
    const Text name = parser.directive().text;
    if (field.is_here()) {
        if (field->is_alias == is_alias) return Error(parser.arena().concat("\"", name, "\" directive is duplicate"));
        return Error(parser.arena().concat("\"", name, "\" directive is duplicate, \"",
                                           is_alias ? Text("root") : Text("alias"),
                                           "\" directive was specified earlier"));
    }
    for (const Text variable :
         {Text("$document_root"), Text("$realpath_root"), Text("${document_root}"), Text("${realpath_root}")}) {
        if (words[0].text.find(variable) != Text::npos) {
            parser.point_at(words[0]);
            const Text bare =
                variable.starts_with("${") ? variable.substr(2, variable.size() - 3) : variable.substr(1);
            return Error(
                parser.arena().concat("the $", bare, " variable cannot be used in the \"", name, "\" directive"));
        }
    }
    Text path = words[0].text;
    if (!is_alias)
        while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    if (!path.starts_with('$')) path = parser.full_path(path);
    Result<script::Complex> compiled = script::Complex::compile(parser, words[0], path);
    if (!compiled) return compiled.error();
    Root root{.path = *compiled, .is_alias = is_alias};
    if (is_alias) {
        const Location& location = *parser.conf<LocationConf>().location;
        root.is_whole = location.kind == Location::Kind::regex;
        if (!root.is_whole) root.replaced = location.name;
    }
    field.set(root);
    return {};
}

class TypeEntries final : public conf::EntryHandler {
 public:
    explicit TypeEntries(MimeTypes& types) : types_(types) {}
    Result<void> on_entry(Parser& parser, Arguments words) override {
        if (words[0].text == "include") return Error("invalid number of arguments in \"include\" directive");
        for (const conf::Token& word : words.subspan(1)) {
            const Text before = types_.find(word.text);
            if (types_.put(parser.arena(), word.text, words[0].text)) continue;
            parser.warn(parser.arena().concat("duplicate extension \"", lower_copy(parser.arena(), word.text),
                                              "\", content type: \"", words[0].text, "\", previous content type: \"",
                                              before, "\""));
        }
        return {};
    }

 private:
    MimeTypes& types_;
};

/// `=200` or `=` among the words of error_page; -1 where there is none. nginx takes any number and sends it, which
/// clients refuse where it has more than three digits: the page then keeps the status that it is for.
Result<int> overwritten_status(Parser& parser, const conf::Token& word, bool& found) {
    found = word.text.starts_with('=');
    if (!found) return -1;
    if (word.text.size() == 1) return 0;
    const std::optional<uint64_t> status = text::parse_uint(word.text.substr(1));
    if (status && *status < 1000) return static_cast<int>(*status);
    if (status && *status <= INT64_MAX) {
        parser.warn(parser.arena().concat("\"", word.text, "\" is ignored: HTTP has no such status"));
        return -1;
    }
    parser.point_at(word);
    return Error(parser.arena().concat("invalid value \"", word.text, "\""));
}

}  // namespace

Result<void> root(Parser& parser, Setting<Root>& field, Arguments words) {
    return set_root(parser, field, words, false);
}

Result<void> alias(Parser& parser, Setting<Root>& field, Arguments words) {
    if (parser.conf<LocationConf>().location->kind == Location::Kind::named)
        return Error("the \"alias\" directive cannot be used inside the named location");
    return set_root(parser, field, words, true);
}

Result<void> internal(Parser&, Setting<bool>& field, Arguments) {
    field.set(true);
    return {};
}

Result<void> types_block(Parser& parser, LocationConf& location, Arguments) {
    MimeTypes* types =
        location.types.is_here() ? const_cast<MimeTypes*>(*location.types) : parser.arena().make<MimeTypes>();
    location.types.set(types);
    TypeEntries entries(*types);
    return parser.parse_entries(entries);
}

Result<void> error_page(Parser& parser, LocationConf& location, Arguments words) {
    const conf::Token& uri = words.back();
    Arguments statuses = words.first(words.size() - 1);
    bool overwrites = false;
    Result<int> overwrite = overwritten_status(parser, statuses.back(), overwrites);
    if (!overwrite) return overwrite.error();
    if (overwrites && statuses.size() == 1) {
        parser.point_at(statuses[0]);
        return Error(parser.arena().concat("invalid value \"", statuses[0].text, "\""));
    }
    if (overwrites) statuses = statuses.first(statuses.size() - 1);

    ErrorPage page;
    page.overwrite = *overwrite;
    Result<script::Complex> compiled = script::Complex::compile(parser, uri, uri.text);
    if (!compiled) return compiled.error();
    page.uri = *compiled;

    conf::Sequence<ErrorPage> pages =
        location.error_pages.is_here() ? *location.error_pages : conf::Sequence<ErrorPage>{};
    for (const conf::Token& word : statuses) {
        const std::optional<uint64_t> status = text::parse_uint(word.text);
        if (!status || *status == 499) {
            parser.point_at(word);
            return Error(parser.arena().concat("invalid value \"", word.text, "\""));
        }
        if (*status < 300 || *status > 599) {
            parser.point_at(word);
            return Error(parser.arena().concat("value \"", word.text, "\" must be between 300 and 599"));
        }
        page.status = static_cast<uint16_t>(*status);
        pages.append(parser.arena(), page);
    }
    location.error_pages.set(pages);
    return {};
}

Result<void> error_log(Parser& parser, LocationConf& location, Arguments words) {
    log::ErrorLog* route = location.error_log.is_here()
                               ? static_cast<log::ErrorLog*>(const_cast<LogRoute*>(*location.error_log))
                               : parser.arena().make<log::ErrorLog>();
    std::vector<Text> texts;
    for (const conf::Token& word : words) texts.push_back(word.text);
    size_t at_fault = 0;
    const log::TargetPlaces places{parser.environment().files, parser.environment().prefix};
    if (Result<void> added = log::add_target(*route, texts, places, &at_fault); !added) {
        parser.point_at(words[at_fault]);
        return added;
    }
    location.error_log.set(route);
    return {};
}

Result<void> complete_location(Parser& parser, LocationConf& location, const LocationConf*) {
    if (location.locations != nullptr) location.locations->seal();
    if (*location.types == nullptr) {
        auto* types = parser.arena().make<MimeTypes>();
        types->put(parser.arena(), "html", "text/html");
        types->put(parser.arena(), "gif", "image/gif");
        types->put(parser.arena(), "jpg", "image/jpeg");
        location.types.value = types;
        location.types.origin = conf::Origin::initial;
    }
    return {};
}

}  // namespace sluice::http::parse
