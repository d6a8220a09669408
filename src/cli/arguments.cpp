// Reading the command line.
#include "cli/arguments.h"

#include <algorithm>
#include <array>

#include "core/proc/run.h"

namespace sluice::cli {

namespace {

struct Flag {
    char letter;
    bool Arguments::*first;
    bool Arguments::*second;
};
constexpr std::array kFlags{
    Flag{'?', &Arguments::wants_help, &Arguments::wants_version},
    Flag{'h', &Arguments::wants_help, &Arguments::wants_version},
    Flag{'v', &Arguments::wants_version, nullptr},
    Flag{'V', &Arguments::wants_version, &Arguments::wants_configuration},
    Flag{'t', &Arguments::wants_test, nullptr},
    Flag{'T', &Arguments::wants_test, &Arguments::wants_dump},
    Flag{'q', &Arguments::is_quiet, nullptr},
    Flag{'m', &Arguments::lists_modules, nullptr},
};

struct Valued {
    char letter;
    Text wants;
    void (*store)(Arguments&, std::string);
};
constexpr std::array kValued{
    Valued{'p', "directory name", [](Arguments& to, std::string value) { to.prefix = std::move(value); }},
    Valued{'c', "file name", [](Arguments& to, std::string value) { to.conf = std::move(value); }},
    Valued{'e', "file name", [](Arguments& to, std::string value) { to.error_log = std::move(value); }},
    Valued{'g', "parameter", [](Arguments& to, std::string value) { to.directives = std::move(value); }},
    Valued{'s', "parameter", [](Arguments& to, std::string value) { to.signal = std::move(value); }},
};

Error invalid(Text option) {
    return Error("invalid option: \"" + std::string(option) + "\"");
}

class Reader {
 public:
    explicit Reader(std::span<char* const> words) : words_(words) {}

    Result<Arguments> read() {
        for (; at_ < words_.size(); ++at_) {
            const Text word = words_[at_];
            Result<void> done = word.starts_with("--") ? read_long(word) : read_letters(word);
            if (!done) return done.error();
        }
        return std::move(made_);
    }

 private:
    Result<void> read_long(Text word) {
        if (word == "--list-directives") {
            made_.lists_directives = true;
        } else if (word == "--list-variables") {
            made_.lists_variables = true;
        } else if (word == "--help") {
            made_.wants_help = made_.wants_version = true;
        } else if (word == "--version") {
            made_.wants_version = true;
        } else if (word == "--help-directive") {
            if (at_ + 1 == words_.size()) return Error("option \"--help-directive\" requires directive name");
            made_.explained = words_[++at_];
        } else {
            return invalid(word);
        }
        return {};
    }

    Result<void> read_letters(Text word) {
        if (!word.starts_with('-')) return invalid(word);
        for (size_t i = 1; i < word.size(); ++i) {
            const char letter = word[i];
            const auto* flag =
                std::find_if(kFlags.begin(), kFlags.end(), [&](const Flag& f) { return f.letter == letter; });
            if (flag != kFlags.end()) {
                made_.*flag->first = true;
                if (flag->second != nullptr) made_.*flag->second = true;
                continue;
            }
            return read_value(letter, word.substr(i + 1));
        }
        return {};
    }

    Result<void> read_value(char letter, Text rest) {
        const auto* valued =
            std::find_if(kValued.begin(), kValued.end(), [&](const Valued& v) { return v.letter == letter; });
        if (valued == kValued.end()) return invalid(Text(&letter, 1));
        // An empty word is a value, too: scripts write -g "$OPTIONS".
        const bool is_next = rest.empty() && at_ + 1 < words_.size();
        if (rest.empty() && !is_next) {
            return Error(std::string("option \"-") + letter + "\" requires " + std::string(valued->wants));
        }
        std::string value(is_next ? Text(words_[++at_]) : rest);
        if (letter == 's' && !proc::is_signal_name(value)) return invalid("-s " + value);
        valued->store(made_, std::move(value));
        return {};
    }

    std::span<char* const> words_;
    size_t at_ = 0;
    Arguments made_;
};

}  // namespace

Result<Arguments> parse_arguments(std::span<char* const> words) {
    return Reader(words).read();
}

}  // namespace sluice::cli
