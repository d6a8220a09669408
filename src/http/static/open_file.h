// Opening and probing the files that requests name, under `disable_symlinks` and `open_file_cache`.
#pragma once

#include "core/base/text.h"
#include "http/static/file_lookup.h"

namespace sluice::http {

class RecentFile;
class Request;

/// Opens a regular file for reading; of anything else it tells the kind. `path` is null-terminated behind its end.
/// `kept` is what was kept of that path, or null: a file that is still the same as that is not opened.
OpenFile open_file(Request& request, Text path, const RecentFile* kept);
/// Tells what is there without opening it.
OpenFile probe_file(Request& request, Text path);
/// The descriptor, which stays open as long as the request's arena.
int keep_open(Request& request, OpenFile& file);

/// The answer to a request whose file could not be opened: 404, 403 or 500; logged as nginx does and as
/// `log_not_found` allows.
uint16_t refuse_file(Request& request, Text path, const OpenFile& file);

}  // namespace sluice::http
