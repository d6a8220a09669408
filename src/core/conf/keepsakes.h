// Keepsakes: what was made of files for one configuration, and goes on to the next one as long as the file is the
// same.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/base/text.h"

namespace sluice::conf {

class Keepsakes {
 public:
    /// Lets go of an object. It outlives the module that keeps something: a function of a library that stays mapped
    /// (libcrypto's do), never one of the module's own.
    using Free = void (*)(void*);

    Keepsakes() = default;
    Keepsakes(const Keepsakes&) = delete;

    /// Makes all of a running generation's findable here. Both own them then.
    void inherit(const Keepsakes& previous) { inherited_ = previous.kept_; }
    /// Lets go of those that nobody asked for; what is to be found from now on was found or kept here.
    void settle() { inherited_.clear(); }

    /// What was kept under this name, if it was made of this `identity` (any bytes that change when the source does);
    /// else null. It stays owned here.
    void* find(Text name, Text identity);
    /// Takes `object` over; what had the name before is freed unless another generation owns it, too.
    void keep(Text name, Text identity, void* object, Free free);

 private:
    struct Object {
        std::string identity;
        void* object;
        Free free;

        Object(Text made_of, void* what, Free how) : identity(made_of), object(what), free(how) {}
        Object(const Object&) = delete;
        ~Object() { free(object); }
    };
    using Objects = std::map<std::string, std::shared_ptr<Object>, std::less<>>;

    Objects kept_;
    Objects inherited_;
};

}  // namespace sluice::conf
