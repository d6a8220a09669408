// Opening and probing the files that requests name, under `disable_symlinks` and `open_file_cache`.
#pragma once

#include "core/base/text.h"
#include "core/base/unique_fd.h"
#include "core/log/log.h"
#include "http/static/file_info.h"

namespace sluice::http {

class Request;

/// What became of it. On failure `error` is an errno and `failed_call` says which call, as nginx's log lines do.
struct OpenFile {
    FileInfo info;
    UniqueFd fd;         ///< only of a regular file that was opened, and not a shared one
    int shared_fd = -1;  ///< kept by the open file cache, and by the request's arena for as long as that lives
    int error = 0;
    Text failed_call;

    bool ok() const { return error == 0; }
    int descriptor() const { return fd ? fd.get() : shared_fd; }
    /// The descriptor, which stays open as long as the request's arena.
    int keep(Request& request);
};

/// Opens a regular file for reading; of anything else it tells the kind. `path` is null-terminated behind its end.
OpenFile open_file(Request& request, Text path);
/// Tells what is there without opening it.
OpenFile probe_file(Request& request, Text path);

/// The answer to a request whose file could not be opened: 404, 403 or 500; logged as nginx does and as
/// `log_not_found` allows.
uint16_t refuse_file(Request& request, Text path, const OpenFile& file);

}  // namespace sluice::http
