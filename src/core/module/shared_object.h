// SharedObject: a module's .so in memory, checked to be one of ours. Each maps a copy of its own (memfd): glibc hands
// out the old code for a path that is still open, and generations must be able to run old and new side by side.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/module/descriptor.h"

namespace sluice::module {

class SharedObject {
 public:
    /// Maps the file. Errors are one sentence: nginx's `dlopen() "…" failed (…)` where the file is no shared object,
    /// else what was expected and what was found. A file that this process has not seen yet is held against its seal,
    /// if it has one, and tried by a child first.
    static Result<std::unique_ptr<SharedObject>> open(const std::string& path);
    SharedObject(const SharedObject&) = delete;
    /// Unmaps it; nothing of the module may be in use any more.
    ~SharedObject();

    const std::string& path() const { return path_; }
    /// The module's own, brought to the size that this server knows.
    const Descriptor& descriptor() const { return descriptor_; }

 private:
    class Loading;

    SharedObject(void* handle, const std::string& path) : handle_(handle), path_(path) {}
    /// `content` is what is in the descriptor `copy`.
    static Result<std::unique_ptr<SharedObject>> map(const std::string& path, int copy,
                                                     const std::vector<char>& content);
    Result<void> check();

    void* handle_;
    std::string path_;
    Descriptor descriptor_;
};

/// Why `exported` can't be used by this server, or an empty text.
std::string why_incompatible(const Export& exported);

}  // namespace sluice::module
