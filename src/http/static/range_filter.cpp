// http_range: Range and If-Range (RFC 9110 §14): one range as it is, several as multipart/byteranges (206), none that
// can be satisfied as 416. Buffers of the body are cut, never copied.
#include <algorithm>
#include <limits>

#include "http/conf/location_conf.h"
#include "http/fields/etag.h"
#include "http/fields/range.h"
#include "http/module.h"
#include "http/modules.h"
#include "http/request.h"

namespace sluice::http {

namespace {

/// One range to be sent, and what stands before it in a multipart body.
struct Part {
    ByteRange range;
    Text head;
};

struct RangeState {
    std::span<Part> parts;
    Text end;             ///< closes a multipart body; null for a single range
    uint64_t offset = 0;  ///< bytes of the whole body that came so far
};

Text content_range(Request& request, const ByteRange& range, int64_t size) {
    const std::span<char> room = request.arena().make_bytes(80);
    return TextBuilder(room).add("bytes ", range.begin, '-', range.end - 1, '/', size).text();
}

bool may_serve_ranges(const Request& request) {
    const Response& response = request.response;
    return request.version >= kHttp10 && response.status == 200 && response.allows_ranges &&
           response.content_length != Response::kUnknownLength && *request.conf<LocationConf>().max_ranges != 0;
}

bool is_if_range_met(const Request& request) {
    const Field* field = request.headers.find(KnownHeader::if_range);
    if (field == nullptr) return true;
    std::optional<Seconds> modified;
    if (request.response.last_modified != Response::kNoTime) modified = Seconds{request.response.last_modified};
    return matches_if_range(field->value, request.response.etag, modified);
}

void prepare_single(Request& request, RangeState& state) {
    Response& response = request.response;
    const ByteRange& range = state.parts[0].range;
    response.headers.add(request.arena(), KnownHeader::content_range,
                         content_range(request, range, response.content_length));
    response.content_length = static_cast<int64_t>(range.size());
}

void prepare_multipart(Request& request, RangeState& state) {
    static uint64_t number = 0;
    Response& response = request.response;
    Arena& arena = request.arena();
    const Text boundary = TextBuilder(arena.make_bytes(20)).add(Padded{++number, 20}).text();
    Text type;
    if (!response.content_type.empty()) {
        const Text charset = response.charset.empty() ? Text{} : arena.concat("; charset=", response.charset);
        type = arena.concat("Content-Type: ", response.content_type, charset, "\r\n");
    }
    uint64_t total = 0;
    for (Part& part : state.parts) {
        part.head =
            arena.concat("\r\n--", boundary, "\r\n", type,
                         "Content-Range: ", content_range(request, part.range, response.content_length), "\r\n\r\n");
        total += part.head.size() + part.range.size();
    }
    state.end = arena.concat("\r\n--", boundary, "--\r\n");
    response.content_type = arena.concat("multipart/byteranges; boundary=", boundary);
    response.charset = {};
    response.content_length = static_cast<int64_t>(total + state.end.size());
}

HeaderVerdict refuse_ranges(Request& request) {
    Response& response = request.response;
    const std::span<char> room = request.arena().make_bytes(40);
    response.headers.add(request.arena(), KnownHeader::content_range,
                         TextBuilder(room).add("bytes */", response.content_length).text());
    request.finish(416);
    return HeaderVerdict::replace;
}

HeaderVerdict choose_ranges(Request& request) {
    if (!may_serve_ranges(request)) return HeaderVerdict::skip;
    Response& response = request.response;
    const Field* field = request.headers.find(KnownHeader::range);
    RangeSummary summary;
    if (field != nullptr && is_if_range_met(request)) {
        const uint32_t most = response.single_range ? 1 : *request.conf<LocationConf>().max_ranges;
        summary = judge_ranges(field->value, static_cast<uint64_t>(response.content_length), most);
    }
    if (summary.verdict == RangeVerdict::unsatisfiable) return refuse_ranges(request);
    if (summary.verdict == RangeVerdict::whole) {
        response.headers.add(request.arena(), KnownHeader::accept_ranges, "bytes");
        return HeaderVerdict::skip;
    }
    auto& state = request.make_state<RangeState>();
    state.parts = request.arena().make_array<Part>(summary.count);
    RangeReader reader(field->value, static_cast<uint64_t>(response.content_length));
    for (Part& part : state.parts) part.range = reader.next().value_or(ByteRange{});
    response.status = 206;
    response.status_line = {};
    summary.count == 1 ? prepare_single(request, state) : prepare_multipart(request, state);
    return HeaderVerdict::filter;
}

/// Adds what `range` takes of a buffer that begins at `offset` of the body.
void add_overlap(Arena& arena, const event::Buffer& buffer, uint64_t offset, const ByteRange& range,
                 event::Chain& out) {
    const uint64_t begin = std::max(offset, range.begin);
    const uint64_t end = std::min(offset + static_cast<uint64_t>(buffer.size()), range.end);
    if (begin >= end) return;
    const uint64_t skipped = begin - offset;
    if (buffer.is_file()) {
        out.add_file(arena, buffer.fd, buffer.file_begin + static_cast<int64_t>(skipped),
                     static_cast<int64_t>(end - begin));
        out.tail()->is_direct = buffer.is_direct;
    } else {
        out.add(arena, buffer.text().substr(skipped, end - begin));
    }
}

void add_range(Arena& arena, const event::Chain& body, uint64_t offset, const ByteRange& range, event::Chain& out) {
    for (const event::Buffer* buffer = body.head(); buffer != nullptr; buffer = buffer->next) {
        add_overlap(arena, *buffer, offset, range, out);
        offset += static_cast<uint64_t>(buffer->size());
    }
}

/// Several ranges may go back in the body: all of it must be there. Sources that can't do that say single_range.
BodyVerdict cut(Request& request, event::Chain& chain, bool is_last) {
    RangeState& state = *request.state<RangeState>();
    event::Chain out;
    const bool is_multipart = state.end.data() != nullptr;
    if (is_multipart && !chain.empty() && (!is_last || state.offset != 0)) {
        request.log().error(0, "several ranges of a body that comes in pieces");
        return BodyVerdict::failed;
    }
    if (!chain.empty() || !is_multipart) {
        for (const Part& part : state.parts) {
            out.add(request.arena(), part.head);
            add_range(request.arena(), chain, state.offset, part.range, out);
        }
        out.add(request.arena(), state.end);
    }
    state.offset += static_cast<uint64_t>(chain.size());
    chain.clear();
    chain.splice(out);
    return BodyVerdict::go_on;
}

constexpr std::array kFilters{
    Filter{.header_stage = HeaderStage::range, .header = choose_ranges, .body_stage = BodyStage::range, .body = cut}};
constexpr Module kModule{.name = "http_range", .filters = kFilters, .state = state_type<RangeState>()};

}  // namespace

constinit const module::Descriptor kRangeModule = describe(kModule);

}  // namespace sluice::http
