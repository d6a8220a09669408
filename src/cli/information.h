// What the server says about itself: -v, -V, -h.
#pragma once

#include <string>

namespace sluice::cli {

/// "nginx version: sluice/0.1.0" and a newline; the first words are what tools look for.
std::string version_text();
/// What follows it for -V: compiler, libraries, event methods, modules, `configure arguments:`. `modules`: their
/// folder.
std::string configuration_text(const std::string& modules);
/// What follows it for -h.
std::string usage_text();

}  // namespace sluice::cli
