// NameSet: a set of field names, asked for each field of each message: known names by a bit, others by their hash.
#pragma once

#include <array>
#include <vector>

#include "core/base/text.h"
#include "http/fields/known_header.h"
#include "http/headers.h"

namespace sluice::http::upstream {

class NameSet {
 public:
    /// Names in any case; the text is kept as it is.
    void add(Text name) {
        const KnownHeader known = find_known_header(name);
        if (known != KnownHeader::none) {
            add(known);
        } else if (!has_unknown(name, header_name_hash(name))) {
            unknown_.push_back({name, header_name_hash(name)});
        }
    }
    void add(KnownHeader known) {
        const auto index = static_cast<size_t>(known);
        words_[index / kBits] |= uint64_t{1} << index % kBits;
    }
    bool has(KnownHeader known) const {
        const auto index = static_cast<size_t>(known);
        return (words_[index / kBits] >> index % kBits & 1U) != 0;
    }
    /// `field` as a parser left it: with hash, and `known` where its name is one of ours.
    bool has(const Field& field) const {
        return field.known != KnownHeader::none ? has(field.known) : has_unknown(field.name, field.hash);
    }

 private:
    static constexpr size_t kBits = 64;
    struct Unknown {
        Text name;
        uint32_t hash;
    };

    bool has_unknown(Text name, uint32_t hash) const {
        for (const Unknown& one : unknown_)
            if (one.hash == hash && text::iequals(one.name, name)) return true;
        return false;
    }

    std::array<uint64_t, (kKnownHeaderCount + kBits - 1) / kBits> words_{};
    std::vector<Unknown> unknown_;
};

}  // namespace sluice::http::upstream
