// Names of the methods.
#include "http/fields/method.h"

#include <array>

namespace sluice::http {
namespace {

constexpr std::array<Text, kMethodCount> kNames{
    "",        "GET",      "HEAD",      "POST", "PUT",    "DELETE", "MKCOL", "COPY",    "MOVE",
    "OPTIONS", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "PATCH",  "TRACE", "CONNECT",
};
static_assert(kNames.back() == "CONNECT");

}  // namespace

Method find_method(Text name) {
    if (name == "GET") return Method::get;
    for (size_t i = 1; i < kNames.size(); ++i) {
        if (name == kNames[i]) return static_cast<Method>(i);
    }
    return Method::unknown;
}

Text name_of(Method method) {
    return kNames[static_cast<size_t>(method)];
}

}  // namespace sluice::http
