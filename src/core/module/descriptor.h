// Descriptor: what the loader and the listings need to know of any module, whatever its family, and the one C symbol
// that carries it. Modules outlive builds of the server: struct layouts never depend on build options, and fields are
// only appended (docs/writing-a-module.md, "Compatibility").
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/base/text.h"
#include "core/conf/conf_type.h"
#include "core/conf/directive.h"

namespace sluice::module {

/// Same major and a minor not above the server's loads; anything else is refused.
constexpr uint16_t kAbiMajor = 5;
constexpr uint16_t kAbiMinor = 0;
constexpr uint32_t kMagic = 0x534c4943;  // "SLIC"

/// Who drives the module.
enum class Family : uint8_t { core, events, http, stream };
Text family_name(Family family);

/// A variable's name as listings and autoload see it; `is_prefix` for $http_*-like families.
struct VariableName {
    Text name;
    bool is_prefix = false;
};

struct Descriptor {
    Text name;
    Family family = Family::core;
    std::span<const conf::Directive> directives;
    std::array<conf::ConfType, conf::kLevels> conf_types;  ///< by Level
    size_t variable_count = 0;
    VariableName (*variable)(const void* specific, size_t index) = nullptr;
    const void* specific = nullptr;  ///< the family's own descriptor: http::Module, stream::Module, …
    size_t specific_size = 0;        ///< sizeof it, as the module was built with: an older one has less of it
};

/// The exported symbol `sluice_module`.
struct Export {
    uint32_t magic;
    uint32_t size;  ///< sizeof(Descriptor) the module was built with
    uint16_t abi_major;
    uint16_t abi_minor;
    const char* cxx_abi;  ///< compiler's ABI tag and word size
    const Descriptor* descriptor;
};

#define SLUICE_STRINGIZE_(x) #x
#define SLUICE_STRINGIZE(x) SLUICE_STRINGIZE_(x)
#define SLUICE_CXX_ABI "gnu-" SLUICE_STRINGIZE(__GXX_ABI_VERSION) "-" SLUICE_STRINGIZE(__SIZEOF_POINTER__)

/// Exports `object` (an http::Module or the like, with a constexpr overload `describe(const M&) -> Descriptor`).
#define SLUICE_EXPORT_MODULE(object)                                                      \
    namespace {                                                                           \
    constinit const ::sluice::module::Descriptor sluice_descriptor = describe(object);    \
    }                                                                                     \
    extern "C" __attribute__((visibility("default")))                                     \
    const ::sluice::module::Export sluice_module = {::sluice::module::kMagic,             \
                                                    sizeof(::sluice::module::Descriptor), \
                                                    ::sluice::module::kAbiMajor,          \
                                                    ::sluice::module::kAbiMinor,          \
                                                    SLUICE_CXX_ABI,                       \
                                                    &sluice_descriptor}

}  // namespace sluice::module
