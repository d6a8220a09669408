// Protocol: what a module of the proxy family implements: how a request is written for its upstream, and how the
// answer is read. One object per exchange, in the request's arena; the exchange does everything else.
#pragma once

#include "core/base/text.h"
#include "event/chain.h"

namespace sluice::http {
struct Field;
}

namespace sluice::http::upstream {

class Exchange;

enum class HeadState : uint8_t {
    more,     ///< all bytes were taken; the head goes on
    done,     ///< Exchange::answer is filled in; what is left of the bytes is body
    invalid,  ///< malformed or too large; logged by the protocol
};

enum class BodyState : uint8_t {
    more,     ///< all bytes were taken
    data,     ///< a piece of the body
    done,     ///< the body is complete; what is left of the bytes does not belong to it
    invalid,  ///< malformed; logged by the protocol
};

class Protocol {
 public:
    /// The request for the next try: head, and the body where it was collected. Chain and bytes live in the request's
    /// arena. False: impossible (logged); the request ends with 500.
    virtual bool write_request(Exchange& exchange, event::Chain& out) = 0;
    /// A piece of a streamed body, framed. `piece` stays untouched until it has left; the next one comes after that.
    virtual void write_body(Exchange& exchange, Text piece, bool is_last, event::Chain& out) = 0;

    /// An answer begins.
    virtual void begin_answer(Exchange& exchange) = 0;
    /// Takes bytes of the head off the front of `bytes`, which are valid during the call only. Interim answers are
    /// swallowed.
    virtual HeadState read_head(Exchange& exchange, Text& bytes) = 0;
    /// Takes bytes of the body off the front; `piece` is a view into them. Called first with whatever followed the
    /// head, maybe nothing.
    virtual BodyState read_body(Exchange& exchange, Text& bytes, Text& piece) = 0;
    /// The upstream has closed: whether the body is complete with that.
    virtual bool ends_at_close() const = 0;
    /// Whether the connection may carry another request, once this answer is complete.
    virtual bool can_keep() const = 0;

    /// A field of the answer as the client shall see it: Location, Refresh and Set-Cookie. Null Text: as it is.
    virtual Text rewrite(Exchange& exchange, const Field& field) = 0;

 protected:
    ~Protocol() = default;
};

}  // namespace sluice::http::upstream
