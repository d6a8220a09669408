// Matcher: finds a text in a stream of pieces, also where it is spread over several of them.
#pragma once

#include <sluice/core/base/text.h>

namespace replace_text {

using sluice::Text;

class Matcher {
 public:
    /// `wanted` is not empty and outlives the matcher.
    explicit Matcher(Text wanted) : wanted_(wanted) {}

    /// Calls `keep(Text)` for what is not the text and `found()` for each time that it comes, in order. What may turn
    /// out to be its beginning is held back until a later piece tells; the views given to `keep` are of `piece` or of
    /// `wanted`.
    template <class Keep, class Found>
    void feed(Text piece, Keep keep, Found found) {
        if (held_ != 0 && !go_on(piece, keep, found)) return;
        for (size_t at = piece.find(wanted_); at != Text::npos; at = piece.find(wanted_)) {
            keep(piece.substr(0, at));
            found();
            piece.remove_prefix(at + wanted_.size());
        }
        held_ = begun_at_end(piece);
        keep(piece.substr(0, piece.size() - held_));
    }

    /// Nothing more comes: what was held back is not the text.
    Text finish() {
        const Text rest = wanted_.substr(0, held_);
        held_ = 0;
        return rest;
    }

 private:
    /// Takes from `piece` what continues the bytes held back, until they are the text or nothing of it. False when
    /// the piece ends before that.
    template <class Keep, class Found>
    bool go_on(Text& piece, Keep keep, Found found) {
        while (held_ != 0) {
            const Text missing = wanted_.substr(held_);
            if (piece.starts_with(missing)) {
                piece.remove_prefix(missing.size());
                held_ = 0;
                found();
            } else if (missing.starts_with(piece)) {
                held_ += piece.size();
                return false;
            } else {
                // Another beginning may lie inside the one that failed: "aab" in "aaab".
                const size_t shorter = begun_at_end(wanted_.substr(1, held_ - 1));
                keep(wanted_.substr(0, held_ - shorter));
                held_ = shorter;
            }
        }
        return true;
    }

    /// How many bytes at the end of `piece` are the beginning of the text, but not all of it.
    size_t begun_at_end(Text piece) const {
        size_t length = piece.size() < wanted_.size() ? piece.size() : wanted_.size() - 1;
        while (!piece.ends_with(wanted_.substr(0, length))) --length;
        return length;
    }

    Text wanted_;
    size_t held_ = 0;  ///< so many bytes of `wanted_` were at the end of what came
};

}  // namespace replace_text
