// Keepsakes.
#include "core/conf/keepsakes.h"

namespace sluice::conf {

void* Keepsakes::find(Text name, Text identity) {
    for (const Objects* objects : {&kept_, &inherited_}) {
        const auto found = objects->find(name);
        if (found == objects->end() || found->second->identity != identity) continue;
        void* const object = found->second->object;
        if (objects == &inherited_) kept_.insert_or_assign(std::string(name), found->second);
        return object;
    }
    return nullptr;
}

void Keepsakes::keep(Text name, Text identity, void* object, Free free) {
    kept_.insert_or_assign(std::string(name), std::make_shared<Object>(identity, object, free));
}

}  // namespace sluice::conf
