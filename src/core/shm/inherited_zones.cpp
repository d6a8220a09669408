// Taking zones over. The variable may be anybody's: a descriptor counts only if it is a sealed file of memory with a
// label of ours, whose size is true.
#include "core/shm/inherited_zones.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/descriptor_list.h"

namespace sluice::shm {

namespace {

template <size_t N>
bool is_ended(const char (&text)[N]) {
    return std::memchr(text, '\0', N) != nullptr;
}

bool is_sealed(int fd) {
    const int seals = ::fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
}

bool read_label(int fd, ZoneLabel& label) {
    struct stat info {};
    return ::pread(fd, &label, sizeof label, 0) == sizeof label && label.magic == ZoneLabel::kMagic &&
           ::fstat(fd, &info) == 0 && static_cast<uint64_t>(info.st_size) == label.size &&
           label.size > sizeof(ZoneHeader) && is_ended(label.user) && is_ended(label.name);
}

/// Why a zone can't be the wanted one of the same name; empty: it can.
Text objection(const ZoneLabel& label, const ZoneLabel& wanted) {
    if (Text(label.user) != wanted.user) return "it was of another use";
    if (label.format != wanted.format || label.layout != wanted.layout) return "its layout is another one";
    if (label.size != wanted.size) return "its size was another one";
    return {};
}

}  // namespace

void InheritedZones::take_over(const Log& log) {
    const char* const variable = std::getenv(kVariable);
    if (variable == nullptr) return;
    const std::string value(variable);
    ::unsetenv(kVariable);
    const DescriptorList list = DescriptorList::parse(value);
    for (const int fd : list.numbers)
        if (!take_over(fd)) log.notice("descriptor ", fd, " in ", kVariable, " is no shared memory zone, ignored");
    if (!list.rubbish.empty())
        log.notice("invalid descriptor \"", list.rubbish, "\" in ", kVariable, ", ignoring the rest of the variable");
}

bool InheritedZones::take_over(int fd) {
    const auto is_known = [fd](const Offer& offer) { return offer.fd.get() == fd; };
    if (std::any_of(offers_.begin(), offers_.end(), is_known)) return false;
    Offer offer;
    if (!is_sealed(fd) || !read_label(fd, offer.label)) return false;
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    offer.fd.reset(fd);
    offers_.push_back(std::move(offer));
    return true;
}

std::shared_ptr<Mapping> InheritedZones::claim(const ZoneLabel& wanted, const Log& log) {
    const auto is_wanted = [&](const Offer& offer) { return Text(offer.label.name) == wanted.name; };
    const auto found = std::find_if(offers_.begin(), offers_.end(), is_wanted);
    if (found == offers_.end()) return nullptr;
    Offer offer = std::move(*found);
    offers_.erase(found);
    std::string why(objection(offer.label, wanted));
    int number = 0;
    if (why.empty()) {
        Result<std::shared_ptr<Mapping>> adopted = Mapping::adopt(std::move(offer.fd), offer.label);
        if (adopted) return std::move(*adopted);
        why = adopted.error().text;
        number = adopted.error().number;
    }
    log.write(LogLevel::notice, number, "inherited shared memory zone \"", Text(wanted.name),
              "\" is not used: ", why);
    return nullptr;
}

}  // namespace sluice::shm
