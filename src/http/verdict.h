// Verdict: what a phase handler says. Waiting is a value like any other: the engine does the arming.
#pragma once

#include <cstdint>

#include "core/base/units.h"

namespace sluice::http {

/// Statuses that are no HTTP statuses but instructions, with the numbers that nginx logs for them.
constexpr uint16_t kStatusTimedOut = 408;        ///< logged; nginx, too, closes without an answer
constexpr uint16_t kStatusCloseSilently = 444;   ///< `return 444`: close without an answer
constexpr uint16_t kStatusHeaderTooLarge = 494;  ///< answered as 400, error_page may catch it
constexpr uint16_t kStatusHttpToHttps = 497;     ///< answered as 400
constexpr uint16_t kStatusClientClosed = 499;    ///< nobody is left to answer; only logged

class Verdict {
 public:
    enum class Kind : uint8_t {
        decline,       ///< nothing to say: the next handler of this phase
        pass,          ///< this phase is satisfied: the next phase
        respond,       ///< the request ends with a status: error_page and the built-in pages apply
        taken,         ///< content: the handler answers by itself, now or later
        suspend,       ///< somebody calls Request::resume() later
        resume_after,  ///< the next handler of this phase runs after a while
    };

    static constexpr Verdict decline() { return {Kind::decline, 0}; }
    static constexpr Verdict pass() { return {Kind::pass, 0}; }
    static constexpr Verdict respond(uint32_t status) { return {Kind::respond, status}; }
    static constexpr Verdict taken() { return {Kind::taken, 0}; }
    static constexpr Verdict suspend() { return {Kind::suspend, 0}; }
    static constexpr Verdict resume_after(Msec delay) { return {Kind::resume_after, delay.count}; }

    constexpr Kind kind() const { return kind_; }
    /// Only for `respond`.
    constexpr uint16_t status() const { return static_cast<uint16_t>(value_); }
    /// Only for `resume_after`.
    constexpr Msec delay() const { return {value_}; }

 private:
    constexpr Verdict(Kind kind, int64_t value) : value_(value), kind_(kind) {}
    int64_t value_;
    Kind kind_;
};

}  // namespace sluice::http
