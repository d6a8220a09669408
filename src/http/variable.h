// Variable: how a module offers a $name over a request.
#pragma once

#include "core/base/text.h"

namespace sluice::http {

class Request;

/// A value whose data() is null was not found: it logs as "-". Found but empty is Text("").
struct Variable {
    Text name;                                      ///< without `$`; of a prefix family, the prefix ("http_")
    Text (*get)(const Request&) = nullptr;          ///< may be null when `find` is given
    Text (*find)(Request&, Text suffix) = nullptr;  ///< prefix family: called with what follows the prefix
    void (*set)(Request&, Text value) = nullptr;    ///< `set $name …;` calls it besides storing
    bool cacheable = true;                          ///< evaluated at most once per request
    bool changeable = false;                        ///< `set`, `map` and the like may define it anew
};

}  // namespace sluice::http
