// FieldProtocol: messages that are fields and pieces of a body, as HTTP/2 has them (RFC 9113 §8). A stream of a
// SharedSession asks it for the request's fields and tells it those of the answer; framing is the stream's business.
#pragma once

#include <span>

#include "http/headers.h"
#include "http/upstream/field_template.h"
#include "http/upstream/protocol.h"

namespace sluice::http {
class Request;
}

namespace sluice::http::upstream {

struct NameValue {
    Text name;  ///< in lower case
    Text value;
    bool is_never_indexed = false;  ///< as Field's
};

class FieldProtocol : public Protocol {
 public:
    /// What is asked for. Texts live as long as the request.
    Text method;
    Text scheme;  ///< "http", "https"
    Text path;
    Text authority;  ///< unless the template has one
    /// A body instead of the client's; null Text: the client's.
    Text own_body;

    // What the stream asks for.
    /// The request's pseudo-header fields and fields; valid until the next write_request().
    std::span<const NameValue> request_fields() const { return {fields_.data(), field_count_}; }
    /// Once the body has ended: what follows it; often nothing.
    std::span<const NameValue> request_trailers(Exchange& exchange);

    // What the stream tells.
    enum class Outcome : uint8_t {
        taken,
        malformed,  ///< it makes the answer invalid; logged, the exchange hears it with the next bytes
        too_large,  ///< in the same way
    };
    /// One field of a head or, behind the head, of the trailers; the texts are copied.
    [[nodiscard]] Outcome add_field(Exchange& exchange, const NameValue& line);
    /// A field that no message may have.
    void refuse_field(Exchange& exchange, Text name, Text value);
    /// An answer that breaks the rules in another way; `why` may be empty. The exchange hears it with the next bytes.
    void refuse_answer(Exchange& exchange, Text why);
    /// A block of fields is complete, and had `size` bytes on the wire.
    void end_block(Exchange& exchange, size_t size);
    /// The answer is complete.
    void end() { is_ended_ = true; }
    /// The final answer's head is there, or was refused: the exchange is to hear it.
    bool has_head() const { return head_ != Head::open; }

    // Protocol
    bool write_request(Exchange& exchange, event::Chain& out) override;
    void write_body(Exchange& exchange, Text piece, bool is_last, event::Chain& out) override;
    void begin_answer(Exchange& exchange) override;
    HeadState read_head(Exchange& exchange, Text& bytes) override;
    BodyState read_body(Exchange& exchange, Text& bytes, Text& piece) override;
    bool ends_at_close() const override { return false; }
    bool can_keep() const override { return true; }

 protected:
    struct Options {
        const FieldTemplate& fields;
        size_t most;  ///< bytes that an answer's head may have, and its trailers
        bool passes_fields = true;
        bool passes_body = true;
        bool passes_trailers = true;  ///< of the answer
    };
    explicit FieldProtocol(const Options& options) : options_(options) {}
    ~FieldProtocol() = default;

 private:
    enum class Head : uint8_t { open, done, invalid };

    void add(Text name, Text value, bool is_never_indexed = false);
    void add_client_fields(Request& request);
    Text length_of(Exchange& exchange);
    bool passes_request_trailer(const Field& field) const;
    Outcome refuse(Exchange& exchange, Text what, Text name, Text value);
    Outcome refuse_size(Exchange& exchange);
    void invalidate();

    Options options_;
    std::span<NameValue> fields_;
    size_t field_count_ = 0;
    event::Buffer body_piece_;
    size_t size_ = 0;  ///< of the fields that came since the last limit began
    uint16_t status_ = 0;
    Head head_ = Head::open;
    bool is_ended_ = false;
    bool is_broken_ = false;  ///< something in the trailers
};

}  // namespace sluice::http::upstream
