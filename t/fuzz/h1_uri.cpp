// Paths: what is accepted is in its normal form, inside the root, and survives escaping. Unsafe URIs, arguments.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "http/uri/args.h"
#include "http/uri/escape.h"
#include "http/uri/log_escape.h"
#include "http/uri/normalize.h"

namespace {

using namespace sluice;
using namespace sluice::http::uri;

void expect(bool is_true) {
    if (!is_true) std::abort();
}

bool has_segment(const std::string& path, Text segment) {
    return (path + '/').find('/' + std::string(segment) + '/') != std::string::npos;
}

void check_path(Text path, bool merge_slashes) {
    std::vector<char> out(path.size() + 1);
    const NormalPath normal = normalize_path(path, merge_slashes, out);
    if (!normal.ok()) return;
    const std::string once(normal.path);
    expect(once.size() <= path.size() + 1 && once.front() == '/');
    expect(once.find('\0') == std::string::npos && !has_segment(once, ".") && !has_segment(once, ".."));
    expect(!merge_slashes || once.find("//") == std::string::npos);
    std::vector<char> room(escaped_size(once, Escape::path));
    const std::string sent(escape(once, Escape::path, room));
    std::vector<char> again(sent.size() + 1);
    expect(normalize_path(sent, merge_slashes, again).path == once);
    expect(extension_of(once).size() < once.size());
}

void check_escapes(Text source) {
    for (const Escape set : {Escape::path, Escape::args, Escape::component, Escape::html, Escape::memcached}) {
        std::vector<char> room(escaped_size(source, set));
        const std::string escaped(escape(source, set, room));
        std::vector<char> back(escaped.size());
        expect(unescape(escaped, back) == source);
    }
    std::vector<char> log(log_escaped_size(source));
    std::vector<char> json(json_escaped_size(source));
    std::vector<char> html(escaped_html_size(source));
    expect(log_escape(source, log).size() == log.size() && json_escape(source, json).size() == json.size());
    expect(escape_html(source, html).size() == html.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const Text input(reinterpret_cast<const char*>(data), size);
    const std::string path = '/' + std::string(input);
    check_path(path, true);
    check_path(path, false);
    check_escapes(input);
    std::vector<char> room(size);
    const UnsafeUri unsafe = split_unsafe_uri(input, room);
    expect(!unsafe.is_safe || !has_segment('/' + std::string(unsafe.path), ".."));
    size_t total = 0;
    for (Text rest = input; const auto arg = next_arg(rest);) total += arg->name.size() + arg->value.size();
    expect(total <= size);
    return 0;
}
