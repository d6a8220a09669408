// Heads fed to a parser in one go and in pieces: whatever the bytes, both must report the same.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "http/h1/head.h"

namespace sluice::fuzz {

/// What a parser said, as numbers to compare.
using Events = std::vector<uint64_t>;

/// Ends the run where the two differ.
inline void expect(bool is_true) {
    if (!is_true) std::abort();
}

inline void note_slice(Events& events, http::h1::Slice slice, Text buffer) {
    expect(slice.begin <= buffer.size() && slice.end() <= buffer.size());
    events.push_back(slice.length);
    events.push_back(text::hash(slice.in(buffer)));
}

inline void note_line(Events& events, const http::h1::RequestLine& line, Text buffer) {
    for (const http::h1::Slice slice : {line.line, line.method_name, line.target, line.scheme, line.host, line.port,
                                        line.uri, line.path, line.args, line.protocol})
        note_slice(events, slice, buffer);
    const uint32_t extension = line.path_marks.extension;
    expect(extension <= line.path.end());
    events.push_back(extension == 0 ? 0 : line.path.end() - extension + 1);
}

inline void note_line(Events& events, const http::h1::StatusLine& line, Text buffer) {
    for (const http::h1::Slice slice : {line.line, line.status, line.reason}) note_slice(events, slice, buffer);
    events.push_back(line.code);
}

/// Feeds `input` in pieces of `step` bytes, each time in memory of exactly its size; with `is_moving` only the
/// unfinished element is carried over.
template <class Head>
Events replay_head(Text input, size_t step, bool is_moving) {
    Events events;
    Head head;
    size_t base = 0;
    for (size_t end = std::min(step, input.size());; end = std::min(end + step, input.size())) {
        if (is_moving) {
            base += head.element_begin();
            head.rebase(0);
        }
        const std::vector<char> bytes(input.begin() + static_cast<ptrdiff_t>(base),
                                      input.begin() + static_cast<ptrdiff_t>(end));
        const Text buffer(bytes.data(), bytes.size());
        http::h1::HeadStep event = head.next(buffer);
        for (; event < http::h1::HeadStep::done && event != http::h1::HeadStep::need_more;
             event = head.next(buffer)) {
            if (event == http::h1::HeadStep::first_line) {
                note_line(events, head.first_line(), buffer);
                continue;
            }
            note_slice(events, head.header().name, buffer);
            note_slice(events, head.header().value, buffer);
            events.push_back(static_cast<uint64_t>(head.header().known));
            events.push_back(static_cast<uint64_t>(head.header().form));
        }
        if (event == http::h1::HeadStep::need_more && end < input.size()) continue;
        events.push_back(static_cast<uint64_t>(event));
        events.push_back(base + (event == http::h1::HeadStep::need_more ? head.element_begin() : head.end()));
        expect(events.back() <= input.size());
        expect((head.refusal().status != 0) == (event == http::h1::HeadStep::failed));
        return events;
    }
}

/// The first byte says how the rest is cut.
template <class Head>
void check_head(const uint8_t* data, size_t size) {
    if (size == 0) return;
    const Text input(reinterpret_cast<const char*>(data) + 1, size - 1);
    const size_t step = 1 + data[0] % 32;
    const Events whole = replay_head<Head>(input, input.size(), false);
    expect(replay_head<Head>(input, step, false) == whole);
    expect(replay_head<Head>(input, step, true) == whole);
}

}  // namespace sluice::fuzz
