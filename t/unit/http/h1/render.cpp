// Runs heads through the parsers and writes down what they report.
#include "http/h1/render.h"

#include "http/h1/vectors.h"

namespace sluice::test {
namespace {

using namespace http;
using namespace http::h1;

void add(std::string& out, Text key, Text value) {
    out += ' ';
    out += key;
    out += '=';
    out += escape(value);
}

std::string version_text(Version version) {
    return std::to_string(version.major_number) + '.' + std::to_string(version.minor_number);
}

Text form_name(TargetForm form) {
    switch (form) {
        case TargetForm::origin: return "origin";
        case TargetForm::absolute: return "absolute";
        case TargetForm::authority: return "authority";
        case TargetForm::asterisk: return "asterisk";
    }
    return "?";
}

std::string describe(Text buffer, const RequestLine& line) {
    std::string out(line.method == Method::unknown ? "unknown" : name_of(line.method));
    if (line.method == Method::unknown) add(out, "method", line.method_name.in(buffer));
    out += ' ';
    out += form_name(line.form);
    for (const auto& [key, slice] : {std::pair<Text, Slice>{"scheme", line.scheme},
                                     {"host", line.host},
                                     {"port", line.port},
                                     {"path", line.path}})
        if (!slice.empty()) add(out, key, slice.in(buffer));
    if (line.has_args) add(out, "args", line.args.in(buffer));
    if (line.uri != line.path) add(out, "uri", line.uri.in(buffer));
    if (line.path_marks.extension != 0)
        add(out, "ext", Slice::between(line.path_marks.extension, line.path.end()).in(buffer));
    if (line.path_marks.traits.is_percent_encoded) out += " percent";
    if (line.path_marks.traits.has_double_slash) out += " double-slash";
    if (line.path_marks.traits.has_dot_segment) out += " dot-segment";
    if (line.has_fragment) out += " fragment";
    add(out, "version", version_text(line.version));
    add(out, "line", line.line.in(buffer));
    return out;
}

std::string describe(Text buffer, const StatusLine& line) {
    std::string out = "status " + std::to_string(line.code);
    add(out, "reason", line.reason.in(buffer));
    add(out, "text", line.status.in(buffer));
    add(out, "version", version_text(line.version));
    add(out, "line", line.line.in(buffer));
    return out;
}

std::string describe(Text buffer, const HeaderLine& line) {
    std::string out = escape(line.name.in(buffer)) + ": " + escape(line.value.in(buffer));
    if (line.known == KnownHeader::none && line.form == NameForm::plain) out += " (other)";
    if (line.form == NameForm::underscored) out += " (underscored)";
    if (line.form == NameForm::unusual) out += " (unusual)";
    if (line.form == NameForm::not_a_token) out += " (not a token)";
    return out;
}

template <class Head>
std::vector<std::string> replay(const std::string& input, const std::vector<size_t>& ends, Moves moves) {
    std::vector<std::string> events;
    Head head;
    size_t base = 0;  // where the buffer begins within the input
    for (const size_t end : ends) {
        if (moves == Moves::rebase) {
            base += head.element_begin();
            head.rebase(0);
        }
        const std::vector<char> bytes(input.begin() + static_cast<ptrdiff_t>(base),
                                      input.begin() + static_cast<ptrdiff_t>(end));
        const Text buffer(bytes.data(), bytes.size());
        while (true) {
            const HeadStep step = head.next(buffer);
            if (step == HeadStep::need_more) break;
            if (step == HeadStep::first_line) events.push_back(describe(buffer, head.first_line()));
            if (step == HeadStep::header) events.push_back(describe(buffer, head.header()));
            if (step == HeadStep::done) {
                events.push_back("done at " + std::to_string(base + head.end()));
                return events;
            }
            if (step == HeadStep::failed) {
                const Refusal refusal = head.refusal();
                events.push_back("failed " + std::to_string(refusal.status) + " at " +
                                 std::to_string(base + head.end()) + ": " + std::string(refusal.text));
                return events;
            }
        }
    }
    events.push_back("more from " + std::to_string(base + head.element_begin()));
    return events;
}

std::string describe_failure(Refusal refusal, size_t at) {
    return "failed " + std::to_string(refusal.status) + " at " + std::to_string(at) + ": " +
           std::string(refusal.text);
}

/// The trailer section that begins at `begin` of the input, parsed as it grows to each of `ends`.
void replay_trailers(const std::string& input, size_t begin, const std::vector<size_t>& ends, Sender sender,
                     std::vector<std::string>& events) {
    HeaderLineParser lines(LinePolicy::trailer);
    for (const size_t end : ends) {
        if (end <= begin) continue;
        const std::vector<char> bytes(input.begin() + static_cast<ptrdiff_t>(begin),
                                      input.begin() + static_cast<ptrdiff_t>(end));
        const Text buffer(bytes.data(), bytes.size());
        Progress progress = lines.parse(buffer);
        for (; progress == Progress::complete; progress = lines.parse(buffer))
            events.push_back(describe(buffer, lines.line()));
        if (progress == Progress::need_more) continue;
        events.push_back(progress == Progress::failed
                             ? describe_failure(refusal_of(ChunkError::bad_trailer, sender), begin + lines.end())
                             : "done at " + std::to_string(begin + lines.end()));
        return;
    }
    events.push_back("more");
}

}  // namespace

std::vector<std::string> replay_request(const std::string& input, const std::vector<size_t>& ends, Moves moves) {
    return replay<RequestHeadParser>(input, ends, moves);
}

std::vector<std::string> replay_response(const std::string& input, const std::vector<size_t>& ends, Moves moves) {
    return replay<ResponseHeadParser>(input, ends, moves);
}

std::vector<std::string> replay_chunked(const std::string& input, const std::vector<size_t>& ends, Sender sender,
                                        Trailers trailers) {
    std::string body;
    ChunkedDecoder decoder(sender, trailers);
    ChunkEvent event = ChunkEvent::need_more;
    size_t begin = 0;
    for (const size_t end : ends) {
        const std::vector<char> bytes(input.begin() + static_cast<ptrdiff_t>(begin),
                                      input.begin() + static_cast<ptrdiff_t>(end));
        Text rest(bytes.data(), bytes.size());
        Text data;
        while ((event = decoder.next(rest, data)) == ChunkEvent::data) body += data;
        begin = end - rest.size();
        if (event != ChunkEvent::need_more) break;
    }
    std::vector<std::string> events;
    if (!body.empty()) events.push_back("body " + escape(body));
    if (event == ChunkEvent::need_more)
        events.push_back("more, " + std::to_string(decoder.chunk_left()) + " in this chunk");
    if (event == ChunkEvent::done) events.push_back("done at " + std::to_string(begin));
    if (event == ChunkEvent::failed) events.push_back(describe_failure(decoder.refusal(), begin));
    if (event == ChunkEvent::trailers) replay_trailers(input, begin, ends, sender, events);
    return events;
}

}  // namespace sluice::test
