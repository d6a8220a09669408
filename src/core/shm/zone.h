// Zone: named memory that all workers share, with its lock and its allocator. The master maps it before it forks, so
// it lies at the same address in every worker of a generation and of all generations that carry it over, those of a
// new binary included: plain pointers into a zone may be stored in it. Pointers to anything else (functions, vtables,
// configuration) may not.
//
//   struct State { shm::Index by_key; shm::Queue recent; };
//   Lock lock(zone);
//   auto* node = lock.make<Node>();          // null: could not allocate node in zone "x"
//   lock.root<State>()->by_key.insert(*node, hash);
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "core/base/result.h"
#include "core/base/text.h"
#include "core/base/units.h"
#include "core/log/log.h"
#include "core/shm/slab.h"

namespace sluice::shm {

class Lock;
class Zone;
class InheritedZones;
class Mapping;
struct ZoneHeader;
struct ZoneLabel;

/// Who fills a zone and with what. Compared by content, since each generation maps its own copy of a module.
struct ZoneUse {
    /// "limit_req", "proxy_cache", …; lives as long as the process or the generation.
    Text user;
    /// Counts up whenever the structures in the zone change, or what they mean: a zone of another layout is not
    /// carried over. A zone goes on to a new binary as well, while the old one still works with it.
    uint32_t layout = 1;
    /// Fills an empty zone (makes the root). Runs in the master, and in a worker after the zone had to be reset.
    Result<void> (*prepare)(Lock& lock, void* data) = nullptr;
    /// Judges a zone that the previous generation leaves; may be null. It only looks: the previous workers still use
    /// the zone. An error refuses the configuration. `previous_data` is null when the zone comes from another binary:
    /// what it is judged by must lie in the zone then, and an error is a fresh zone, with a `notice`.
    Result<void> (*adopt)(Lock& lock, void* data, const void* previous_data) = nullptr;
    /// The user's own, handed to both; belongs to the generation.
    void* data = nullptr;
    /// Never carried over, to no generation and no new binary (nginx's `noreuse`).
    bool is_always_new = false;
};

/// Smallest zone that modules should accept: nginx's eight pages.
constexpr Bytes kSmallestZone{int64_t{8} * 4096};

class Zone {
 public:
    Zone(Text name, Bytes size, const ZoneUse& use) : name_(name), size_(size), use_(use) {}
    Zone(const Zone&) = delete;

    const std::string& name() const { return name_; }
    Bytes size() const { return size_; }
    const ZoneUse& use() const { return use_; }
    void set_data(void* data) { use_.data = data; }
    void* data() const { return use_.data; }

    /// Changes whenever the zone was emptied because a worker died while it changed it. Whoever keeps a pointer into
    /// the zone from one lock to the next keeps this number too (or a Held<T>), and forgets the pointer when it
    /// differs.
    uint64_t epoch() const;

 private:
    friend class Zones;
    friend class Lock;
    std::optional<ZoneLabel> label() const;
    void set_mapping(std::shared_ptr<Mapping> mapping);
    Result<void> map(InheritedZones* inherited);
    bool take_over(InheritedZones& inherited, const ZoneLabel& label);
    Result<void> fill(Lock& lock);
    void reset(Lock& lock, int owner);

    std::string name_;
    Bytes size_;
    ZoneUse use_;
    Log log_;
    std::shared_ptr<Mapping> mapping_;  ///< shared with the generation it was carried over from
    ZoneHeader* header_ = nullptr;
};

/// The zone, locked, as long as this object lives. Waits; critical sections must be short. A process that dies inside
/// frees the lock; if it could have left the zone half changed, the next one to lock it finds it emptied and prepared
/// anew, with a line in the log.
class Lock {
 public:
    enum class Purpose : uint8_t {
        change,  ///< anything may change
        look,    ///< nothing is changed: a death inside leaves the zone as it is
    };
    explicit Lock(Zone& zone, Purpose purpose = Purpose::change);
    Lock(const Lock&) = delete;
    ~Lock();

    Zone& zone() { return zone_; }
    /// At least `size` bytes, aligned to 16, not cleared; null when the zone is full.
    void* allocate(size_t size);
    /// Gives back what allocate() returned; anything else is an `[alert]` and does nothing.
    void free(void* piece);

    /// A new T; null when the zone is full. Objects in zones need no destructor.
    template <class T, class... Args>
    T* make(Args&&... args) {
        static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 16);
        void* memory = allocate(sizeof(T));
        return memory != nullptr ? new (memory) T{std::forward<Args>(args)...} : nullptr;
    }

    /// Where everything else in the zone hangs.
    template <class T>
    T* root() const {
        return static_cast<T*>(root_pointer());
    }
    void set_root(void* root);

    /// Pages, classes and failures, for status pages.
    Slab::Statistics statistics() const;
    size_t page_count() const;
    size_t free_pages() const;

 private:
    friend class Zone;
    friend class Zones;
    void* root_pointer() const;

    Zone& zone_;
};

/// A pointer into a zone that is kept from one lock to the next.
template <class T>
class Held {
 public:
    Held() = default;
    Held(Lock& lock, T* object) : object_(object), epoch_(lock.zone().epoch()) {}
    /// The object, or null when the zone was emptied since.
    T* get(Lock& lock) const { return lock.zone().epoch() == epoch_ ? object_ : nullptr; }
    explicit operator bool() const { return object_ != nullptr; }

 private:
    T* object_ = nullptr;
    uint64_t epoch_ = 0;
};

}  // namespace sluice::shm
