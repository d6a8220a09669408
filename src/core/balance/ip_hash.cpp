// nginx's hash, so that a client stays with its server when the front changes from nginx to us.
#include "core/balance/ip_hash.h"

#include "core/balance/keyed.h"

namespace sluice::balance {

namespace {

constexpr uint32_t kSeed = 89;
constexpr uint32_t kFactor = 113;
constexpr uint32_t kModulus = 6271;

class IpHashSelection final : public KeyedSelection {
 public:
    IpHashSelection(const Peers& peers, script::Subject& subject, Text key)
        : KeyedSelection(peers, subject), key_(key) {}

 private:
    size_t attempt(States&, const Group& group, Seconds) override {
        for (const char octet : key_) hash_ = (hash_ * kFactor + static_cast<unsigned char>(octet)) % kModulus;
        return find_by_weight(group, hash_ % group.total_weight);
    }

    Text key_;
    uint32_t hash_ = kSeed;
};

Text key_of(Text address) {
    if (address.size() == 4) return address.substr(0, 3);
    if (address.size() == 16) return address;
    return Text("\0\0\0", 3);
}

}  // namespace

Selection& IpHash::begin(script::Subject& subject) const {
    return *subject.arena().make<IpHashSelection>(peers_, subject, key_of(client_address_(subject)));
}

}  // namespace sluice::balance
