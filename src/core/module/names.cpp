// ngx_http_NAME_module.so, ngx_http_NAME_filter_module.so, ngx_stream_module.so
#include "core/module/names.h"

namespace sluice::module {

Text file_name_of(Text path) {
    return path.substr(path.rfind('/') + 1);
}

std::vector<std::string> names_for_nginx_file(Text path) {
    constexpr Text kBegin = "ngx_";
    constexpr Text kEnd = "_module.so";
    constexpr Text kFilter = "_filter";
    Text name = file_name_of(path);
    if (!name.starts_with(kBegin) || !name.ends_with(kEnd) || name.size() <= kBegin.size() + kEnd.size()) return {};
    name.remove_prefix(kBegin.size());
    name.remove_suffix(kEnd.size());
    std::vector<std::string> names{std::string(name)};
    if (name.ends_with(kFilter)) names.emplace_back(name.substr(0, name.size() - kFilter.size()));
    return names;
}

}  // namespace sluice::module
