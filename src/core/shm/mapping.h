// Mapping: the pages of a zone and what stands at their begin. Generations that carry a zone over share one, and so
// do a server and the new binary that it starts; private to core/shm.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include <pthread.h>

#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/shm/slab.h"

namespace sluice::shm {

/// What a zone is; another binary reads it before it maps the zone. Its own layout never changes.
struct ZoneLabel {
    static constexpr uint64_t kMagic = 0x656e6f7a63756c73;  // "slcuzone"

    uint64_t magic = 0;
    uint64_t format = 0;  ///< of everything that core/shm keeps in a zone
    uint64_t address = 0;
    uint64_t size = 0;
    uint64_t layout = 0;  ///< ZoneUse::layout
    char user[64] = {};   ///< ends with a zero, as does the name
    char name[256] = {};
};
static_assert(sizeof(ZoneLabel) == 360 && std::is_trivially_copyable_v<ZoneLabel>);

/// In shared memory, at the begin of the zone; the slab follows.
struct alignas(64) ZoneHeader {
    ZoneLabel label;
    pthread_mutex_t mutex;
    uint64_t epoch = 0;
    std::atomic<int> owner{0};             ///< process that holds the lock, or held it last
    std::atomic<bool> is_changing{false};  ///< its holder may have left things half done
    void* root = nullptr;
    Slab* slab = nullptr;
};

class Mapping {
 public:
    Mapping() = default;
    Mapping(const Mapping&) = delete;
    ~Mapping();

    /// Counts up whenever ZoneHeader, Slab, Index or Queue change. Sizes are there for what is forgotten, and for
    /// other machines' and libraries' mutexes.
    static constexpr uint64_t kFormat = uint64_t{1} | uint64_t{sizeof(ZoneHeader)} << 16U |
                                        uint64_t{sizeof(Slab)} << 32U | uint64_t{sizeof(pthread_mutex_t)} << 48U;

    /// Fresh memory, formatted, with its lock free. `label`: what another binary shall know it by (the address is
    /// filled in); null: it stays with this one. An error without errno: `size` is too small.
    static Result<std::shared_ptr<Mapping>> create(size_t size, const ZoneLabel* label);
    /// The memory behind `fd`, where `label` says that it was before: plain pointers are kept in zones.
    static Result<std::shared_ptr<Mapping>> adopt(UniqueFd fd, const ZoneLabel& label);

    /// Forgets all that was allocated. False when the memory is too small for anything.
    bool format();
    ZoneHeader& header() const { return *header_; }
    /// The file that a new binary gets; negative when there is none.
    int descriptor() const { return fd_.get(); }
    void drop_descriptor() { fd_.reset(); }

 private:
    ZoneHeader* header_ = nullptr;
    size_t size_ = 0;
    UniqueFd fd_;
};

}  // namespace sluice::shm
