// Lists of descriptors.
#include "core/base/descriptor_list.h"

#include <cstdint>
#include <optional>

#include <fcntl.h>

namespace sluice {

DescriptorList DescriptorList::parse(Text list) {
    DescriptorList found;
    while (!list.empty()) {
        const size_t end = list.find_first_of(";:");
        const std::optional<uint64_t> number = text::parse_uint(list.substr(0, end));
        if (end == Text::npos || !number || *number > INT32_MAX) {
            found.rubbish = list;
            break;
        }
        found.numbers.push_back(static_cast<int>(*number));
        list.remove_prefix(end + 1);
    }
    return found;
}

std::string DescriptorList::text() const {
    std::string all;
    for (const int number : numbers) all.append(std::to_string(number)).append(";");
    return all;
}

void DescriptorList::keep_on_exec() const {
    for (const int number : numbers) ::fcntl(number, F_SETFD, 0);
}

}  // namespace sluice
