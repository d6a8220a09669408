// The end of a process that can't have the memory it needs: what it says before, and how it ends.
#pragma once

namespace sluice {

/// Never returns: calls the last words, if there are any, then aborts. Whoever can't go on without memory calls it;
/// operator new does after catch_failing_new().
[[noreturn]] void out_of_memory();

/// From now on out_of_memory() calls `last_words(argument)` first, which may end the process in its own way and must
/// not ask for memory. `argument` must live until the next call. Without: "out of memory" on stderr.
void on_out_of_memory(void (*last_words)(const void* argument), const void* argument);

/// Makes operator new call out_of_memory(), instead of throwing what nobody catches. Once per process.
void catch_failing_new();

}  // namespace sluice
