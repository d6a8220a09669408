// Configurations with the message that nginx has for each, as the files in t/data/conf hold them:
//   +++ NAME      begins a file that others include
//   ===           begins a configuration
//   --- MESSAGE   ends it; "OK" where nginx accepts it
#pragma once

#include <map>
#include <string>
#include <vector>

namespace sluice::conf::test {

struct Vector {
    std::string conf;
    std::string message;
};

struct Vectors {
    std::map<std::string, std::string> files;
    std::vector<Vector> cases;
};

Vectors load_vectors(const char* path);

std::string replace_all(std::string text, const std::string& from, const std::string& to);

}  // namespace sluice::conf::test
