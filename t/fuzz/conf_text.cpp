// Texts of configurations: words stand where the lexer says, in order; numbers and the module index hold together.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/conf/lexer.h"
#include "core/conf/value.h"
#include "core/module/index.h"

namespace {

using namespace sluice;
using namespace sluice::conf;

void check(bool is_good) {
    if (!is_good) std::abort();
}

bool is_before(const Position& a, const Position& b) {
    return a.line < b.line || (a.line == b.line && a.column < b.column);
}

void check_words(const std::vector<Token>& words, Text input, Position& last) {
    for (const Token& word : words) {
        check(is_before(last, word.at));
        check(word.text.size() <= input.size());
        check(word.is_quoted || !word.text.empty());
        last = word.at;
        static_cast<void>(parse::to_milliseconds(word.text));
        static_cast<void>(parse::to_seconds(word.text));
        static_cast<void>(parse::to_bytes(word.text));
    }
}

void lex(Text input, Lexer::Kind kind) {
    Arena arena;
    Lexer lexer(arena, "f", input, kind);
    std::vector<Token> words;
    Position last{.file = "f", .line = 1, .column = 0};
    for (;;) {
        const Result<Ending> ending = lexer.next(words);
        if (!ending) {
            check(!ending.error().text.empty() && lexer.failed_at().line != 0);
            return;
        }
        check_words(words, input, last);
        const bool may_be_empty = *ending == Ending::block_close || *ending == Ending::end_of_text;
        check(words.empty() == may_be_empty);
        if (*ending == Ending::end_of_text) return;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const Text input(reinterpret_cast<const char*>(data), size);
    lex(input, Lexer::Kind::file);
    lex(input, Lexer::Kind::option);
    const module::Index index{std::string(input)};
    for (const module::IndexedModule& module : index.modules()) {
        check(module.file.find('/') == Text::npos && !module.file.empty());
        for (Text name : module.directives) check(!index.with_directive(name).empty());
    }
    return 0;
}
