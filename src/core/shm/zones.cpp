// Zones by name: declarations that must agree, and what a reload carries over.
#include "core/shm/zones.h"

#include "core/shm/mapping.h"

namespace sluice::shm {

namespace {

Bytes whole_pages(Bytes size) {
    const auto page = static_cast<int64_t>(Slab::kPageSize);
    return {(size.count + page - 1) / page * page};
}

std::string quoted(const std::string& name) {
    return "shared memory zone \"" + name + "\"";
}

bool carries_over(const Zone& zone, const Zone& before) {
    const ZoneUse& use = zone.use();
    return !use.is_always_new && use.user == before.use().user && use.layout == before.use().layout &&
           whole_pages(zone.size()) == before.size();
}

}  // namespace

Zone* Zones::find(Text name) const {
    for (const std::unique_ptr<Zone>& zone : zones_)
        if (zone->name() == name) return zone.get();
    return nullptr;
}

Result<Zone*> Zones::add(Text name, Bytes size, const ZoneUse& use) {
    Zone* zone = find(name);
    if (zone == nullptr) return zones_.emplace_back(std::make_unique<Zone>(name, size, use)).get();
    if (zone->use_.user != use.user)
        return Error("the " + quoted(zone->name()) + " is already declared for a different use");
    if (zone->size_.count != 0 && size.count != 0 && zone->size_ != size)
        return Error("the size " + std::to_string(size.count) + " of " + quoted(zone->name()) +
                     " conflicts with already declared size " + std::to_string(zone->size_.count));
    if (zone->size_.count == 0) zone->size_ = size;
    if (zone->use_.prepare == nullptr) zone->use_.prepare = use.prepare;
    if (zone->use_.adopt == nullptr) zone->use_.adopt = use.adopt;
    if (zone->use_.data == nullptr) zone->use_.data = use.data;
    zone->use_.is_always_new |= use.is_always_new;
    return zone;
}

Result<void> Zones::map(const Zones* previous, const Log& log, InheritedZones* inherited) {
    for (const std::unique_ptr<Zone>& zone : zones_) {
        if (zone->size_.count == 0) return Error("zero size " + quoted(zone->name()));
        zone->log_ = log;
        Zone* before = previous != nullptr ? previous->find(zone->name()) : nullptr;
        if (before == nullptr || before->mapping_ == nullptr || !carries_over(*zone, *before)) {
            zone->size_ = whole_pages(zone->size_);
            if (Result<void> mapped = zone->map(inherited); !mapped) return mapped;
            continue;
        }
        zone->size_ = before->size_;
        zone->set_mapping(before->mapping_);
        if (zone->use_.adopt == nullptr) continue;
        Lock lock(*zone, Lock::Purpose::look);
        Result<void> adopted = zone->use_.adopt(lock, zone->use_.data, before->use_.data);
        if (!adopted) return adopted;
    }
    return {};
}

DescriptorList Zones::descriptors() const {
    DescriptorList all;
    for (const std::unique_ptr<Zone>& zone : zones_)
        if (zone->mapping_->descriptor() >= 0) all.numbers.push_back(zone->mapping_->descriptor());
    return all;
}

void Zones::drop_descriptors() {
    for (const std::unique_ptr<Zone>& zone : zones_) zone->mapping_->drop_descriptor();
}

}  // namespace sluice::shm
