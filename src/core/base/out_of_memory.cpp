// Last words are called once: should they need memory themselves, the process ends without them.
#include "core/base/out_of_memory.h"

#include <cstdlib>
#include <new>
#include <utility>

#include <unistd.h>

namespace sluice {

namespace {

void say_on_stderr(const void*) {
    constexpr char kText[] = "out of memory\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kText, sizeof kText - 1);
}

using LastWords = void (*)(const void* argument);

constinit LastWords words = say_on_stderr;
constinit const void* words_argument = nullptr;

}  // namespace

void out_of_memory() {
    if (const LastWords last = std::exchange(words, nullptr); last != nullptr) last(words_argument);
    std::abort();
}

void on_out_of_memory(LastWords last_words, const void* argument) {
    words = last_words;
    words_argument = argument;
}

void catch_failing_new() {
    std::set_new_handler(out_of_memory);
}

}  // namespace sluice
