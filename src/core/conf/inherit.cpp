// Inheritance: what an inner block takes over from the one around it, defaults, and the `complete` hooks.
#include "core/conf/lexer.h"
#include "core/conf/parser.h"

namespace sluice::conf {

namespace {

bool passes(Inherit inherit, bool is_unnamed) {
    switch (inherit) {
        case Inherit::always: return true;
        case Inherit::unnamed: return is_unnamed;
        case Inherit::never: return false;
    }
    return false;
}

/// Whether the row's default belongs into an object of a block of this kind. A value that is inherited gets it in the
/// outermost block even where the directive can't be written there.
bool wants_initial(const Directive& row, std::optional<Context> block) {
    if (row.initial.empty() || row.origin == nullptr || row.parse == nullptr) return false;
    return row.inherit == Inherit::always || !block || row.where.has(*block);
}

/// An inner block that wrote nothing can use the outer object itself, unless that holds something which must not
/// reach the inner one.
bool may_share(const KnownType& known, const ConfSet& outer, const ConfSet& inner, bool is_unnamed) {
    const Slot& slot = *known.type->slot();
    void* const object = outer.find(slot);
    if (outer.is_acted_on(slot)) return false;
    for (const Directive* row : known.rows) {
        if (row->origin == nullptr || passes(row->inherit, is_unnamed)) continue;
        // An object of the inner block's own would hold the default or nothing.
        const Origin fresh = wants_initial(*row, inner.block()) ? Origin::initial : Origin::unset;
        if (*row->origin(object) != fresh) return false;
    }
    return true;
}

const ConfSet kNothing;

}  // namespace

/// What `http` says for its servers is in force only within them, and each may say it otherwise.
bool Parser::is_judged_inside(const Inheritance& how) {
    const std::optional<Context> block = how.inner->block();
    return how.outer == &kNothing && how.level != Level::main && block && *block == family_of(*block);
}

Result<void> Parser::inherit(Level level, const ConfSet& outer, ConfSet& inner, bool is_unnamed) {
    if (outer.block() && !inner.block()) inner.belong_to(*outer.block());
    const bool is_outermost = !outer.block() && outer.size() == 0;
    inheritances_.push_back({level, is_unnamed, is_outermost ? &kNothing : &outer, &inner, 0, {}});
    Inheritance how = inheritances_.back();  // a hook may call us again and move the vector
    const size_t own = inheritances_.size() - 1;
    Result<void> done = catch_up(how);
    inheritances_[own] = how;
    return done;
}

Result<void> Parser::settle(Level level, ConfSet& outermost) {
    return inherit(level, kNothing, outermost, false);
}

Result<void> Parser::finish() {
    for (bool is_done = false; !is_done;) {
        is_done = true;
        for (size_t i = 0; i < inheritances_.size(); ++i) {
            Inheritance how = inheritances_[i];
            Result<void> done = catch_up(how);
            if (!done) return done;
            is_done = is_done && how.types_seen == inheritances_[i].types_seen;
            inheritances_[i] = how;
        }
    }
    return {};
}

Result<void> Parser::catch_up(Inheritance& how) {
    const Context family = family_of(how.inner->block().value_or(Context::main));
    // Asked anew each time: a hook may load a module.
    while (how.types_seen < environment_.directives.types(family, how.level).size()) {
        const KnownType known = environment_.directives.types(family, how.level)[how.types_seen++];
        Result<void> done = inherit_one(known, how);
        if (!done) return complete(done.error());
    }
    return {};
}

Result<void> Parser::inherit_one(const KnownType& known, Inheritance& how) {
    const Slot& slot = *known.type->slot();
    void* const outer = how.outer->find(slot);
    void* inner = how.inner->find(slot);
    if (inner == nullptr && outer != nullptr && may_share(known, *how.outer, *how.inner, how.is_unnamed)) {
        how.inner->put(slot, outer);
        return {};
    }
    if (inner == nullptr) {
        inner = known.type->make(arena());
        how.inner->put(slot, inner);
    }
    for (const Directive* row : known.rows) {
        if (outer != nullptr && row->take_over != nullptr && passes(row->inherit, how.is_unnamed)) {
            row->take_over(inner, outer);
        }
        if (!wants_initial(*row, how.inner->block()) || *row->origin(inner) != Origin::unset) continue;
        Result<void> done = apply_initial(known, *row, inner);
        if (!done) return done;
    }
    if (known.type->complete == nullptr) return {};
    Result<void> done = known.type->complete(*this, inner, outer);
    if (done) return done;
    if (!is_judged_inside(how)) {
        if (pointed_.line == 0) pointed_ = blamed_outside(how, outer);
        return done;
    }
    how.blamed.emplace_back(inner, pointed_);
    how.inner->mark_acted_on(slot);  // who says nothing else gets an object of its own, which is judged
    forget_place();
    return {};
}

/// Where the block outside was found to contradict itself, when the inner one took all of that over.
Position Parser::blamed_outside(const Inheritance& how, const void* outer) const {
    for (const Inheritance& enclosing : inheritances_)
        if (enclosing.inner == how.outer)
            for (const auto& [object, place] : enclosing.blamed)
                if (object == outer) return place;
    return {};
}

/// A default is parsed like the user's own words. One that fails is a defect of the module that states it.
Result<void> Parser::apply_initial(const KnownType& known, const Directive& row, void* object) {
    const Text line = arena().concat(row.initial, ";");
    Lexer lexer(arena(), "default", line, Lexer::Kind::option);
    std::vector<Token> words;
    Result<Ending> read = lexer.next(words);
    Result<void> done = read ? Result<void>{} : Result<void>(std::move(read.error()));
    if (done) {
        const Token name{.text = row.name, .at = {}};
        const Token* const outer = std::exchange(directive_, &name);
        done = row.parse(*this, row, object, words);
        directive_ = outer;
        forget_place();
    }
    if (!done) {
        log().alert(0, "default \"", row.initial, "\" of \"", row.name, "\" in module \"", known.module,
                    "\" is not valid: ", done.error().text);
        return Error(arena().concat("invalid default of \"", row.name, "\" in module \"", known.module, "\""));
    }
    *row.origin(object) = Origin::initial;
    return {};
}

}  // namespace sluice::conf
