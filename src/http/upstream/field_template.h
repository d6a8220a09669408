// FieldTemplate: the fields of a request to an upstream that the configuration decides about, prepared when it is
// read, for protocols whose messages are fields.
#pragma once

#include <vector>

#include "http/upstream/name_set.h"
#include "http/upstream/set_header.h"

namespace sluice::http::upstream {

struct FieldTemplate {
    struct Part {
        Text name;  ///< in lower case
        script::Complex value;
    };
    std::vector<Part> parts;
    /// Of a `P_set_header Host`: what is asked for there.
    const script::Complex* authority = nullptr;
    NameSet replaced;          ///< fields of the client that don't go on
    bool sets_length = false;  ///< the configuration decides about Content-Length
    bool sets_te = false;      ///< and about TE
};

const FieldTemplate* make_field_template(Arena& arena, const conf::Sequence<SetHeader>& set);

}  // namespace sluice::http::upstream
