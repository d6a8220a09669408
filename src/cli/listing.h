// Listings of what the server and its modules offer.
#pragma once

#include <span>
#include <string>

#include "core/module/descriptor.h"

namespace sluice::cli {

/// What is listed: the server's own modules and those of a folder (with trailing slash).
struct Offer {
    std::span<const module::Descriptor* const> built_in;
    std::string modules;
};

// Each returns the exit code; 1 when a module could not be loaded, which is told on stderr.

/// -m: the modules with their files, and the index of the folder written anew.
int list_modules(const Offer& offer);
/// --list-directives: one line each: module, name, contexts joined by commas, default, syntax, purpose.
int list_directives(const Offer& offer);
/// --list-variables: one line each: module, $name (a prefix ends with *), family.
int list_variables(const Offer& offer);
/// --help-directive: every directive of that name; 1 and a suggestion when there is none.
int explain_directive(const Offer& offer, Text name);

}  // namespace sluice::cli
