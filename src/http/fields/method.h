// Request methods that the server itself tells apart (RFC 9110 §9, RFC 5789, RFC 4918); any other is `unknown` and
// travels as text.
#pragma once

#include <cstdint>

#include "core/base/text.h"

namespace sluice::http {

enum class Method : uint8_t {
    unknown,
    get,
    head,
    post,
    put,
    delete_,
    mkcol,
    copy,
    move,
    options,
    propfind,
    proppatch,
    lock,
    unlock,
    patch,
    trace,
    connect,
};

constexpr size_t kMethodCount = static_cast<size_t>(Method::connect) + 1;

/// The method of that name (methods are case-sensitive, RFC 9110 §9.1); `unknown` for any other text.
Method find_method(Text name);

/// The name as it is sent; empty for `unknown`.
Text name_of(Method method);

}  // namespace sluice::http
