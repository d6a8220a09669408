// The parser's core: statements to rows, with nginx's checks in nginx's order.
#include "core/conf/parser.h"

#include <utility>

#include "core/conf/include.h"
#include "core/conf/source.h"

namespace sluice::conf {

Result<void> Parser::parse_file(Text path, Scope& scope) {
    Scope* const enclosing = std::exchange(scope_, &scope);
    for (ConfSet* set : scope.sets) {
        if (set != nullptr) set->belong_to(scope.context);
    }
    Result<void> done = read_file(path);
    scope_ = enclosing;
    return done;
}

Result<void> Parser::parse_command_line(Text text, Scope& scope) {
    Source source{Lexer(arena(), "command line", text, Lexer::Kind::option), source_};
    Scope* const enclosing = std::exchange(scope_, &scope);
    for (ConfSet* set : scope.sets) {
        if (set != nullptr) set->belong_to(scope.context);
    }
    source_ = &source;
    Result<void> done = read(Unit::option);
    source_ = source.includer;
    scope_ = enclosing;
    return done;
}

Result<void> Parser::parse_block(Scope& inner) {
    for (ConfSet* set : inner.sets) {
        if (set != nullptr) set->belong_to(inner.context);
    }
    inner.enclosing = scope_;
    EntryHandler* const handler = std::exchange(handler_, nullptr);
    scope_ = &inner;
    Result<void> done = read(Unit::block);
    scope_ = inner.enclosing;
    handler_ = handler;
    return done;
}

Result<void> Parser::parse_entries(EntryHandler& handler) {
    EntryHandler* const outer = std::exchange(handler_, &handler);
    Result<void> done = read(Unit::block);
    handler_ = outer;
    return done;
}

Result<void> Parser::read(Unit unit) {
    std::vector<Token> words;
    for (;;) {
        forget_place();
        Result<Ending> ending = source_->lexer.next(words);
        if (!ending) return fail_in_lexer(std::move(ending.error()), words);
        if (*ending == Ending::block_close) {
            if (unit == Unit::block) return {};
            pointed_ = source_->lexer.last_at();
            return complete(Error("unexpected \"}\""));
        }
        if (*ending == Ending::end_of_text) {
            if (unit != Unit::block) return {};
            advise_unclosed_block();
            return complete(Error("unexpected end of file, expecting \"}\""));
        }
        const bool opens_block = *ending == Ending::block_open;
        if (opens_block && unit == Unit::option) {
            pointed_ = words[0].at;
            return complete(Error("block directives are not supported in -g option"));
        }
        Result<void> done = handler_ != nullptr ? entry(words, opens_block) : statement(words, opens_block);
        if (!done) return done;
    }
}

Result<void> Parser::entry(Arguments words, bool opens_block) {
    if (opens_block) {
        pointed_ = source_->lexer.last_at();
        return complete(Error("unexpected \"{\""));
    }
    const Token* const outer = std::exchange(directive_, &words[0]);
    Result<void> done =
        words.size() == 2 && words[0].text == "include" ? include(words[1]) : handler_->on_entry(*this, words);
    if (!done) done = complete(done.error());
    directive_ = outer;
    return done;
}

Result<void> Parser::statement(Arguments words, bool opens_block) {
    const Token* const outer = std::exchange(directive_, &words[0]);
    Result<void> done = dispatch(words, opens_block);
    if (!done && !is_complete(done.error())) {
        advise_missing_semicolon(words);
        done = complete(done.error());
    }
    directive_ = outer;
    forget_place();
    return done;
}

Result<void> Parser::dispatch(Arguments words, bool opens_block) {
    const Token& name = words[0];
    if (name.text == kInclude.name) {
        Result<void> checked = check_shape(kInclude, words, opens_block);
        return checked ? run(kInclude, words) : checked;
    }
    Result<std::span<const KnownDirective>> known = environment_.directives.find(name.text, scope_->context);
    if (!known) return known.error();
    for (const KnownDirective& one : *known) {
        if (!one.row->where.has(scope_->context)) continue;
        const Directive& row = *one.row;  // loading a module may move what `known` views
        Result<void> checked = check_shape(row, words, opens_block);
        return checked ? run(row, words) : checked;
    }
    return known->empty() ? unknown(name) : not_allowed(name, *known);
}

Result<void> Parser::check_shape(const Directive& row, Arguments words, bool opens_block) {
    const Text name = words[0].text;
    if (row.shape == Shape::simple && opens_block) {
        pointed_ = source_->lexer.last_at();
        return Error(arena().concat("directive \"", name, "\" is not terminated by \";\""));
    }
    if (row.shape == Shape::block && !opens_block) {
        pointed_ = source_->lexer.last_at();
        return Error(arena().concat("directive \"", name, "\" has no opening \"{\""));
    }
    const size_t count = words.size() - 1;
    const bool is_too_many = row.arity.most != Arity::kMany && count > row.arity.most;
    if (count >= row.arity.least && !is_too_many) return {};
    if (is_too_many) point_at(words[row.arity.most + 1U]);
    return Error(arena().concat("invalid number of arguments in \"", name, "\" directive"));
}

Result<void> Parser::run(const Directive& row, Arguments words) {
    void* own = nullptr;
    if (row.slot != nullptr) {
        const Slot& slot = *row.slot();
        own = find_or_make(slot, *scope_);
        if (own == nullptr) {
            log().alert(0, "directive \"", row.name, "\" has no struct in a block of ",
                        context_name(scope_->context));
            return Error(arena().concat("\"", row.name, "\" directive can't be used here"));
        }
        if (row.origin == nullptr) {
            scope_->sets[static_cast<size_t>(slot.level)]->mark_acted_on(slot);
        } else if (!row.may_repeat && *row.origin(own) == Origin::here) {
            return Error(arena().concat("\"", row.name, "\" directive is duplicate"));
        }
    }
    environment_.is_block_begun |= row.shape == Shape::block && scope_->context == Context::main;
    Result<void> done = row.parse(*this, row, own, words.subspan(1));
    if (done && row.origin != nullptr) written_.emplace_back(row.origin(own), words[0].at);
    return done;
}

void* Parser::object(const Slot& slot, Scope& scope) {
    void* const found = find_or_make(slot, scope);
    if (found != nullptr) scope.sets[static_cast<size_t>(slot.level)]->mark_acted_on(slot);
    return found;
}

void* Parser::find_or_make(const Slot& slot, Scope& scope) {
    ConfSet* const set = scope.sets[static_cast<size_t>(slot.level)];
    if (set == nullptr) return nullptr;
    if (void* const known = set->find(slot)) return known;
    const std::span<const KnownType> types = environment_.directives.types(family_of(scope.context), slot.level);
    if (slot.index >= types.size()) return nullptr;
    void* const made = types[slot.index].type->make(arena());
    set->put(slot, made);
    return made;
}

}  // namespace sluice::conf
