// Paths are normalised segment by segment: a segment is decoded to the end of the output, then judged.
#include "http/uri/normalize.h"

#include "http/uri/escape.h"

namespace sluice::http::uri {
namespace {

/// The path written so far. It begins with a slash, and one stands in front of the segment that is being written.
class PathWriter {
 public:
    PathWriter(char* out, bool merge_slashes) : begin_(out), at_(out), segment_(out), merge_slashes_(merge_slashes) {}

    void put(char c) { *at_++ = c; }

    /// A slash: judges the segment in front of it. False when it would leave the root.
    bool put_slash() {
        const Text segment = last_segment();
        if (segment == "." || segment == "..") return finish();
        const bool is_repeated = segment.empty() && at_ != begin_;
        if (is_repeated && merge_slashes_) return true;
        put('/');
        segment_ = at_;
        return true;
    }

    /// Resolves a last segment that has no slash behind it: `/a/..` is `/`.
    bool finish() {
        if (last_segment() == ".") at_ = segment_;
        if (last_segment() != "..") return true;
        if (segment_ - begin_ < 2) return false;
        at_ = segment_ - 1;
        while (at_[-1] != '/') --at_;
        segment_ = at_;
        return true;
    }

    Text text() const { return {begin_, static_cast<size_t>(at_ - begin_)}; }

 private:
    Text last_segment() const { return {segment_, static_cast<size_t>(at_ - segment_)}; }

    char* begin_;
    char* at_;
    char* segment_;
    bool merge_slashes_;
};

}  // namespace

NormalPath normalize_path(Text path, bool merge_slashes, std::span<char> out) {
    PathWriter writer(out.data(), merge_slashes);
    if (path.empty()) writer.put('/');
    for (size_t i = 0; i < path.size(); ++i) {
        char c = path[i];
        if (c == '%') {
            const int byte = decode_escape(path.substr(i));
            if (byte < 0) return {{}, PathError::bad_escape};
            c = static_cast<char>(byte);
            i += 2;
        }
        if (c == '\0') return {{}, PathError::nul};
        if (c != '/')
            writer.put(c);
        else if (!writer.put_slash())
            return {{}, PathError::above_root};
    }
    if (!writer.finish()) return {{}, PathError::above_root};
    return {writer.text(), PathError::none};
}

Text extension_of(Text path) {
    const size_t segment = path.rfind('/') + 1;  // npos + 1 is 0
    const size_t named = path.find_first_not_of('.', segment);
    const size_t dot = path.rfind('.');
    return dot == Text::npos || named == Text::npos || dot < named ? Text{} : path.substr(dot + 1);
}

namespace {

bool has_parent_segment(Text path) {
    for (bool more = true; more;) {
        more = path.find('/') != Text::npos;
        if (text::split_off(path, '/') == "..") return true;
    }
    return false;
}

}  // namespace

UnsafeUri split_unsafe_uri(Text value, std::span<char> out) {
    UnsafeUri uri;
    const size_t mark = value.find('?');
    uri.path = value.substr(0, mark);
    if (mark != Text::npos) uri.args = value.substr(mark + 1);
    if (uri.path.find('%') != Text::npos) {
        for (size_t at = uri.path.find('%'); at != Text::npos; at = uri.path.find('%', at + 3)) {
            if (decode_escape(uri.path.substr(at)) < 0) return uri;
        }
        uri.path = unescape(uri.path, out);
    }
    uri.is_safe = !uri.path.empty() && value.find('\0') == Text::npos && uri.path.find('\0') == Text::npos &&
                  !has_parent_segment(uri.path);
    return uri;
}

}  // namespace sluice::http::uri
