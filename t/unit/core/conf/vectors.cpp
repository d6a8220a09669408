// Reading the vectors.
#include "vectors.h"

#include <fstream>

namespace sluice::conf::test {

Vectors load_vectors(const char* path) {
    Vectors vectors;
    std::ifstream in(path);
    std::string line;
    std::string* into = nullptr;
    while (std::getline(in, line)) {
        if (line.starts_with("+++ ")) {
            into = &vectors.files[line.substr(4)];
        } else if (line == "===") {
            into = &vectors.cases.emplace_back().conf;
        } else if (line.starts_with("--- ")) {
            vectors.cases.back().message = line.substr(4);
            into->pop_back();  // the newline before "---" is not the configuration's
            into = nullptr;
        } else if (into != nullptr) {
            into->append(line).append("\n");
        }
    }
    return vectors;
}

std::string replace_all(std::string text, const std::string& from, const std::string& to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
        text.replace(at, from.size(), to);
    }
    return text;
}

}  // namespace sluice::conf::test
