// Field values: hosts, dates, ranges, entity tags, lists. What is accepted must hold together.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/fields/date.h"
#include "http/fields/etag.h"
#include "http/fields/host.h"
#include "http/fields/known_header.h"
#include "http/fields/range.h"
#include "http/fields/token_list.h"
#include "http/h1/framing.h"

namespace {

using namespace sluice;
using namespace sluice::http;

void expect(bool is_true) {
    if (!is_true) std::abort();
}

void check_host(Text value) {
    const auto authority = parse_authority(value);
    if (!authority) return;
    expect(!authority->host.empty() && authority->host.find_first_of(Text("/?#@\\ \r\n\0", 9)) == Text::npos);
    expect(authority->is_ip_literal || authority->host.find(':') == Text::npos);
    std::string lower(authority->host.size(), ' ');
    expect(text::iequals(lower_case_host(authority->host, lower), authority->host));
}

void check_date(Text value) {
    const auto time = parse_http_date(value);
    if (!time) return;
    char out[kHttpDateSize];
    write_http_date(out, *time);
    expect(parse_http_date({out, sizeof out}) == time || time->count < -62167219200 || time->count > 253402300799);
}

void check_ranges(Text value, uint64_t body_size) {
    const RangeSummary summary = judge_ranges(value, body_size, 50);
    if (summary.verdict != RangeVerdict::partial) return;
    uint64_t total = 0;
    uint32_t count = 0;
    for (RangeReader reader(value, body_size); const auto range = reader.next(); ++count) {
        expect(range->begin < range->end && range->end <= body_size);
        total += range->size();
    }
    expect(count == summary.count && total == summary.total && total <= body_size && count <= 50);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const Text input(reinterpret_cast<const char*>(data), size);
    check_host(input);
    check_date(input);
    for (const uint64_t body_size : {uint64_t{0}, uint64_t{1}, uint64_t{10}, uint64_t{INT64_MAX}})
        check_ranges(input, body_size);
    if (const auto content = parse_content_range(input)) expect(content->range.begin <= content->range.end);
    expect(!is_etag(input) || matches_etag_list(input, input, EtagComparison::weak));
    matches_if_range(input, "\"a\"", Seconds{0});
    ConnectionOptions options;
    add_connection(options, input);
    find_cookie(input, "a");
    expect(h1::parse_transfer_encoding(input) != h1::TransferCoding::chunked || has_element(input, "chunked"));
    h1::parse_content_length(input);
    const KnownHeader known = find_known_header(input);
    expect(known == KnownHeader::none || text::iequals(name_of(known), input));
    return 0;
}
