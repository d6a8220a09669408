// The words that http_core's directives take for their enums.
#pragma once

#include <array>

#include "core/conf/value.h"
#include "http/conf/location_conf.h"

namespace sluice::conf {

template <>
struct EnumNames<http::Satisfy> {
    static constexpr std::array<Text, 2> names{"all", "any"};
};
template <>
struct EnumNames<http::IfModifiedSince> {
    static constexpr std::array<Text, 3> names{"off", "exact", "before"};
};
template <>
struct EnumNames<http::LingeringClose> {
    static constexpr std::array<Text, 3> names{"off", "on", "always"};
};
template <>
struct EnumNames<http::BodyInFileOnly> {
    static constexpr std::array<Text, 3> names{"off", "on", "clean"};
};
template <>
struct EnumNames<http::OldBrowser> {
    static constexpr std::array<Text, 3> names{"none", "msie6", "safari"};
};
template <>
struct EnumNames<http::ServerTokens> {
    static constexpr std::array<Text, 3> names{"off", "on", "build"};
};

}  // namespace sluice::conf
