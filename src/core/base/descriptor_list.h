// DescriptorList: open files that a program names to the one it executes, as nginx writes them: "6;7;".
#pragma once

#include <string>
#include <vector>

#include "core/base/text.h"

namespace sluice {

struct DescriptorList {
    std::vector<int> numbers;
    Text rubbish;  ///< from the first thing on that is no number; empty: all was understood

    /// `list` must outlive `rubbish`. That the numbers are open files is not said.
    static DescriptorList parse(Text list);
    std::string text() const;
    /// Lets the files survive an exec.
    void keep_on_exec() const;
};

}  // namespace sluice
