// Walking of lists.
#include "http/fields/token_list.h"

namespace sluice::http {

std::optional<Text> next_element(Text& rest) {
    while (!rest.empty()) {
        const Text element = text::trim(text::split_off(rest, ','));
        if (!element.empty()) return element;
    }
    return std::nullopt;
}

bool has_element(Text list, Text element) {
    while (const auto next = next_element(list)) {
        if (text::iequals(*next, element)) return true;
    }
    return false;
}

void add_connection(ConnectionOptions& options, Text value) {
    while (const auto token = next_element(value)) {
        if (text::iequals(*token, "close"))
            options.has_close = true;
        else if (text::iequals(*token, "keep-alive"))
            options.has_keep_alive = true;
        else if (text::iequals(*token, "upgrade"))
            options.has_upgrade = true;
        else
            options.has_other = true;
    }
}

Expectation parse_expect(Text value) {
    if (value.empty()) return Expectation::none;
    return text::iequals(value, "100-continue") ? Expectation::continue_100 : Expectation::unknown;
}

std::optional<Text> find_cookie(Text field, Text name) {
    while (!field.empty()) {
        Text value = text::split_off(field, ';');
        if (value.find('=') == Text::npos) continue;
        if (text::iequals(text::trim(text::split_off(value, '=')), name)) return text::trim(value);
    }
    return std::nullopt;
}

}  // namespace sluice::http
