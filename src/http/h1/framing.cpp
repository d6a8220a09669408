// The decision about a body's end.
#include "http/h1/framing.h"

#include <limits>

#include "http/fields/token_list.h"

namespace sluice::http::h1 {

std::optional<uint64_t> parse_content_length(Text value) {
    const auto length = text::parse_uint(value);
    if (!length || *length > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
    return length;
}

TransferCoding parse_transfer_encoding(Text value) {
    bool is_chunked = false;
    bool has_other = false;
    while (const auto coding = next_element(value)) {
        if (is_chunked) return TransferCoding::bad;
        is_chunked = text::iequals(*coding, "chunked");
        has_other |= !is_chunked;
    }
    return is_chunked && !has_other ? TransferCoding::chunked : TransferCoding::unknown;
}

namespace {

Refusal client_refusal(FramingError error) {
    switch (error) {
        case FramingError::none: break;
        case FramingError::invalid_length: return {400, "client sent invalid \"Content-Length\" header"};
        case FramingError::repeated_length:
        case FramingError::repeated_coding: return {400, "client sent duplicate header line"};
        case FramingError::unknown_coding: return {501, "client sent unknown \"Transfer-Encoding\""};
        case FramingError::bad_coding: return {400, "client sent invalid \"Transfer-Encoding\" header"};
        case FramingError::length_and_coding:
            return {400, "client sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time"};
        case FramingError::coding_before_11:
            return {400, "client sent HTTP/1.0 request with \"Transfer-Encoding\" header"};
    }
    return {};
}

Refusal upstream_refusal(FramingError error) {
    switch (error) {
        case FramingError::none: break;
        case FramingError::invalid_length: return {502, "upstream sent invalid \"Content-Length\" header"};
        case FramingError::repeated_length:
        case FramingError::repeated_coding: return {502, "upstream sent duplicate header line"};
        case FramingError::unknown_coding:
        case FramingError::bad_coding:
        case FramingError::coding_before_11: return {502, "upstream sent unknown \"Transfer-Encoding\""};
        case FramingError::length_and_coding:
            return {502, "upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time"};
    }
    return {};
}

}  // namespace

Refusal refusal_of(FramingError error, Sender sender) {
    return sender == Sender::client ? client_refusal(error) : upstream_refusal(error);
}

void FramingFields::note(FramingError error) {
    if (error_ == FramingError::none) error_ = error;
}

void FramingFields::add_content_length(Text value) {
    // Equal ones could be taken as one (RFC 9110 §8.6); nginx refuses them and so do we.
    if (length_) note(FramingError::repeated_length);
    const auto length = parse_content_length(value);
    if (!length) note(FramingError::invalid_length);
    length_ = length;
}

void FramingFields::add_transfer_encoding(Text value) {
    if (has_coding_) note(FramingError::repeated_coding);
    has_coding_ = true;
    const TransferCoding coding = parse_transfer_encoding(value);
    if (coding == TransferCoding::unknown) note(FramingError::unknown_coding);
    if (coding == TransferCoding::bad) note(FramingError::bad_coding);
}

FramingError FramingFields::find_error() const {
    if (error_ != FramingError::none) return error_;
    return length_ && has_coding_ ? FramingError::length_and_coding : FramingError::none;
}

BodyFraming FramingFields::judge_request(Version version) const {
    BodyFraming body;
    body.error = has_coding_ && version < kHttp11 ? FramingError::coding_before_11 : find_error();
    if (body.error != FramingError::none) return body;
    if (has_coding_) body.kind = BodyKind::chunked;
    if (length_) {
        body.kind = BodyKind::sized;
        body.size = *length_;
    }
    return body;
}

BodyFraming FramingFields::judge_response(Version version, bool has_no_body) const {
    BodyFraming body;
    body.error = find_error();
    if (body.error != FramingError::none || has_no_body) return body;
    if (has_coding_) {
        body.kind = BodyKind::chunked;
        body.must_close = version < kHttp11;
    } else if (length_) {
        body.kind = BodyKind::sized;
        body.size = *length_;
    } else {
        body.kind = BodyKind::until_close;
        body.must_close = true;
    }
    return body;
}

}  // namespace sluice::http::h1
