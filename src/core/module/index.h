// Index: what the modules in a folder offer, so that an unknown directive or variable finds its module without
// mapping any. A text file beside the modules, written by `sluice -m`: one line for each module, fields separated by
// tabs:
//   http_proxy.so  http  http_proxy  proxy_pass proxy_set_header …  proxy_host proxy_port …  upstream_http_ …
//   file           family name       directives                     variables                prefixes of variables
#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"
#include "core/module/descriptor.h"

namespace sluice::module {

struct IndexedModule {
    Text file;
    Text family;
    Text name;
    std::vector<Text> directives;
    std::vector<Text> variables;
    std::vector<Text> prefixes;

    bool has_variable(Text variable) const;
};

class Index {
 public:
    static constexpr Text kFileName = "modules.index";

    Index() = default;
    /// Lines that are not understood are left out.
    explicit Index(std::string content);
    Index(const Index&) = delete;

    std::span<const IndexedModule> modules() const { return modules_; }
    /// Those that have a directive of this name, in the order of the file.
    std::span<const IndexedModule* const> with_directive(Text name) const;

 private:
    std::string content_;
    std::vector<IndexedModule> modules_;
    std::unordered_map<Text, std::vector<const IndexedModule*>> by_directive_;
};

/// The line of one module, with its newline.
std::string index_line(Text file, const Descriptor& descriptor);

}  // namespace sluice::module
