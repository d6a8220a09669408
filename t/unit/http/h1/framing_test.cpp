// Where bodies end: Content-Length and Transfer-Encoding.
#include "http/h1/framing.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::http::h1 {
namespace {

TEST(ContentLength, digits_only) {
    EXPECT_EQ(parse_content_length("0"), 0U);
    EXPECT_EQ(parse_content_length("42"), 42U);
    EXPECT_EQ(parse_content_length("00042"), 42U);
    EXPECT_EQ(parse_content_length("9223372036854775807"), static_cast<uint64_t>(INT64_MAX));
    for (const Text bad : {"", " ", "-1", "+1", "1 ", " 1", "1,1", "1, 1", "1 1", "0x10", "1.0", "1e3", "a", "1a",
                           "\xd9\xa1", "9223372036854775808", "18446744073709551616", "99999999999999999999999999"})
        EXPECT_EQ(parse_content_length(bad), std::nullopt) << bad;
    EXPECT_EQ(parse_content_length(Text("1\0", 2)), std::nullopt);
}

TEST(TransferEncoding, only_chunked_alone) {
    for (const Text chunked : {"chunked", "Chunked", "CHUNKED", ", chunked,"})
        EXPECT_EQ(parse_transfer_encoding(chunked), TransferCoding::chunked) << chunked;
    for (const Text unknown : {"", "identity", "gzip", "gzip, chunked", "identity, chunked", "x", "chunked;q=1",
                               "\"chunked\"", "xchunked", "chunkedx", "chunke", "chunk ed", "chunked\x0b",
                               "\x0b"
                               "chunked",
                               "cow, chunked"})
        EXPECT_EQ(parse_transfer_encoding(unknown), TransferCoding::unknown) << unknown;
    for (const Text bad :
         {"chunked, chunked", "chunked, gzip", "chunked, identity", "gzip, chunked, gzip", "chunked,x"})
        EXPECT_EQ(parse_transfer_encoding(bad), TransferCoding::bad) << bad;
}

struct Head {
    std::vector<Text> lengths = {};
    std::vector<Text> codings = {};
    Version version = kHttp11;
};

std::string describe(const BodyFraming& body, Sender sender) {
    if (body.error != FramingError::none) {
        const Refusal refusal = refusal_of(body.error, sender);
        return std::to_string(refusal.status) + " " + std::string(refusal.text);
    }
    const std::string closing = body.must_close ? ", close" : "";
    switch (body.kind) {
        case BodyKind::none: return "none" + closing;
        case BodyKind::sized: return "sized " + std::to_string(body.size) + closing;
        case BodyKind::chunked: return "chunked" + closing;
        case BodyKind::until_close: return "until close" + closing;
    }
    return "?";
}

FramingFields collect(const Head& head) {
    FramingFields fields;
    for (const Text value : head.lengths) fields.add_content_length(value);
    for (const Text value : head.codings) fields.add_transfer_encoding(value);
    return fields;
}

std::string request(const Head& head) {
    return describe(collect(head).judge_request(head.version), Sender::client);
}
std::string response(const Head& head, bool has_no_body = false) {
    return describe(collect(head).judge_response(head.version, has_no_body), Sender::upstream);
}

TEST(Framing, of_requests) {
    EXPECT_EQ(request({}), "none");
    EXPECT_EQ(request({.lengths = {"0"}}), "sized 0");
    EXPECT_EQ(request({.lengths = {"5"}}), "sized 5");
    EXPECT_EQ(request({.lengths = {"5"}, .version = kHttp10}), "sized 5");
    EXPECT_EQ(request({.codings = {"chunked"}}), "chunked");
    EXPECT_EQ(request({.codings = {"chunked"}, .version = {1, 2}}), "chunked");
}

TEST(Framing, of_requests_that_two_servers_would_read_differently) {
    EXPECT_EQ(request({.lengths = {"x"}}), "400 client sent invalid \"Content-Length\" header");
    EXPECT_EQ(request({.lengths = {""}}), "400 client sent invalid \"Content-Length\" header");
    EXPECT_EQ(request({.lengths = {"5", "5"}}), "400 client sent duplicate header line");
    EXPECT_EQ(request({.lengths = {"5", "6"}}), "400 client sent duplicate header line");
    EXPECT_EQ(request({.lengths = {"5", "x"}}), "400 client sent duplicate header line");
    EXPECT_EQ(request({.codings = {"chunked", "chunked"}}), "400 client sent duplicate header line");
    EXPECT_EQ(request({.codings = {"chunked", "identity"}}), "400 client sent duplicate header line");
    EXPECT_EQ(request({.codings = {"identity"}}), "501 client sent unknown \"Transfer-Encoding\"");
    EXPECT_EQ(request({.codings = {"gzip, chunked"}}), "501 client sent unknown \"Transfer-Encoding\"");
    EXPECT_EQ(request({.codings = {"chunked, chunked"}}), "400 client sent invalid \"Transfer-Encoding\" header");
    EXPECT_EQ(request({.lengths = {"5"}, .codings = {"chunked"}}),
              "400 client sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time");
    EXPECT_EQ(request({.codings = {"chunked"}, .version = kHttp10}),
              "400 client sent HTTP/1.0 request with \"Transfer-Encoding\" header");
    EXPECT_EQ(request({.lengths = {"5"}, .codings = {"chunked"}, .version = kHttp10}),
              "400 client sent HTTP/1.0 request with \"Transfer-Encoding\" header");
}

TEST(Framing, of_responses) {
    EXPECT_EQ(response({}), "until close, close");
    EXPECT_EQ(response({.lengths = {"5"}}), "sized 5");
    EXPECT_EQ(response({.codings = {"chunked"}}), "chunked");
    EXPECT_EQ(response({.codings = {"chunked"}, .version = kHttp10}), "chunked, close");
    EXPECT_EQ(response({.lengths = {"5"}}, true), "none");
    EXPECT_EQ(response({.codings = {"chunked"}}, true), "none");
    EXPECT_EQ(response({}, true), "none");
    EXPECT_EQ(collect({.lengths = {"5"}}).content_length(), 5U);
    EXPECT_EQ(collect({}).content_length(), std::nullopt);
}

TEST(Framing, of_responses_that_lie) {
    EXPECT_EQ(response({.lengths = {"-5"}}), "502 upstream sent invalid \"Content-Length\" header");
    EXPECT_EQ(response({.lengths = {"5", "5"}}), "502 upstream sent duplicate header line");
    EXPECT_EQ(response({.codings = {"gzip"}}), "502 upstream sent unknown \"Transfer-Encoding\"");
    EXPECT_EQ(response({.codings = {"chunked, gzip"}}), "502 upstream sent unknown \"Transfer-Encoding\"");
    EXPECT_EQ(response({.lengths = {"5"}, .codings = {"chunked"}}),
              "502 upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time");
    EXPECT_EQ(response({.lengths = {"x"}}, true), "502 upstream sent invalid \"Content-Length\" header");
}

}  // namespace
}  // namespace sluice::http::h1
