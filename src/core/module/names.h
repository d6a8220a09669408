// Names of module files: which of ours is meant by the file of an nginx module.
#pragma once

#include <string>
#include <vector>

#include "core/base/text.h"

namespace sluice::module {

/// Our names for what nginx calls so, best first: "modules/ngx_http_image_filter_module.so" gives "http_image_filter"
/// and "http_image". Empty for a file that is not named like an nginx module.
std::vector<std::string> names_for_nginx_file(Text path);

/// The last part of a path.
Text file_name_of(Text path);

}  // namespace sluice::module
