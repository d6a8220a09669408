// Regex: compiling with JIT, and matching into one block of match data per thread.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "core/script/regex.h"

#include <pcre2.h>

#include "core/base/out_of_memory.h"
#include "core/script/literal_prefix.h"
#include "core/script/variable.h"

namespace sluice::script {

namespace {

/// A tenth of PCRE's own limits: a match that runs into them has cost some tens of milliseconds already.
constexpr uint32_t kMatchLimit = 1'000'000;
constexpr uint32_t kHeapLimitKiB = 4096;
/// What the machine's stack lends to a match is 32 KiB; nested groups over a long header need more.
constexpr size_t kJitStackStart = size_t{32} * 1024;
constexpr size_t kJitStackMost = size_t{512} * 1024;

template <class T>
T* or_abort(T* made) {
    if (made == nullptr) out_of_memory();
    return made;
}

/// What matches need besides the pattern; one of it per thread, so that a match allocates nothing.
class Workspace {
 public:
    Workspace() {
        pcre2_set_match_limit(context_, kMatchLimit);
        pcre2_set_heap_limit(context_, kHeapLimitKiB);
        pcre2_jit_stack_assign(context_, nullptr, jit_stack_);
    }
    Workspace(const Workspace&) = delete;
    ~Workspace() {
        pcre2_match_data_free(data_);
        pcre2_jit_stack_free(jit_stack_);
        pcre2_match_context_free(context_);
    }

    /// Match data with room for `groups` groups and the whole match.
    pcre2_match_data* data_for(uint32_t groups) {
        if (groups >= room_) {
            pcre2_match_data_free(data_);
            room_ = groups + 1;
            data_ = or_abort(pcre2_match_data_create(room_, nullptr));
        }
        return data_;
    }
    pcre2_match_data* data() { return data_; }
    pcre2_match_context* context() { return context_; }

 private:
    static constexpr uint32_t kUsualRoom = 32;
    uint32_t room_ = kUsualRoom;
    pcre2_match_data* data_ = or_abort(pcre2_match_data_create(kUsualRoom, nullptr));
    pcre2_match_context* context_ = or_abort(pcre2_match_context_create(nullptr));
    pcre2_jit_stack* jit_stack_ = or_abort(pcre2_jit_stack_create(kJitStackStart, kJitStackMost, nullptr));
};

Workspace& workspace() {
    thread_local Workspace mine;
    return mine;
}

/// PCRE2 10.42 takes a null pointer for a subject, not for a pattern.
PCRE2_SPTR bytes(Text value) {
    return reinterpret_cast<PCRE2_SPTR>(value.data() != nullptr ? value.data() : "");
}

Error describe(int code, size_t offset, Text pattern) {
    PCRE2_UCHAR message[256];
    pcre2_get_error_message(code, message, sizeof(message));
    std::string text = "pcre2_compile() failed: ";
    text.append(reinterpret_cast<const char*>(message)).append(" in \"").append(pattern).append("\"");
    if (offset < pattern.size()) text.append(" at \"").append(pattern.substr(offset)).append("\"");
    return Error(std::move(text));
}

Text not_captured(Subject&, const void*, Text) {
    return {};
}

}  // namespace

Result<const Regex*> Regex::compile(Arena& arena, VariableTable& table, Text pattern, const Options& options) {
    return compile(arena, &table, pattern, options);
}

Result<const Regex*> Regex::compile(Arena& arena, Text pattern, const Options& options) {
    return compile(arena, nullptr, pattern, options);
}

Result<const Regex*> Regex::compile(Arena& arena, VariableTable* table, Text pattern, const Options& options) {
    int error = 0;
    size_t offset = 0;
    pcre2_code* code = pcre2_compile(bytes(pattern), pattern.size(), options.ignore_case ? PCRE2_CASELESS : 0, &error,
                                     &offset, nullptr);
    if (code == nullptr) return describe(error, offset, pattern);
    arena.on_reset([](void* made) { pcre2_code_free(static_cast<pcre2_code*>(made)); }, code);

    auto* regex = new (arena.allocate(sizeof(Regex), alignof(Regex))) Regex;
    regex->pattern_ = pattern;
    regex->literal_prefix_ = script::literal_prefix(arena, pattern);
    regex->ignores_case_ = options.ignore_case;
    regex->code_ = code;
    // Without JIT (a hardened kernel may refuse executable memory) the interpreter serves.
    // pcre2_jit_match() would take bytes that are no UTF-8 on trust; pcre2_match() looks first.
    uint32_t flags = 0;
    pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &flags);
    regex->is_jit_ = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0 && (flags & PCRE2_UTF) == 0;
    pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &regex->groups_);
    Result<void> named = regex->name_groups(arena, table);
    if (!named) return named.error();
    return regex;
}

Result<void> Regex::name_groups(Arena& arena, VariableTable* table) {
    uint32_t count = 0;
    uint32_t entry_size = 0;
    const unsigned char* entry = nullptr;
    pcre2_pattern_info(code_, PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(code_, PCRE2_INFO_NAMEENTRYSIZE, &entry_size);
    pcre2_pattern_info(code_, PCRE2_INFO_NAMETABLE, &entry);
    const std::span<NamedGroup> named = arena.make_array<NamedGroup>(count);
    for (NamedGroup& one : named) {
        one = {.name = arena.copy(reinterpret_cast<const char*>(entry + 2)),
               .group = static_cast<size_t>(entry[0] << 8 | entry[1]),
               .variable = kNoVariable};
        entry += entry_size;
        if (table == nullptr) continue;
        Result<uint32_t> index = table->define_changeable(arena, one.name, Variable{.name = {}, .get = not_captured});
        if (!index) return index.error();
        one.variable = *index;
    }
    named_ = named;
    return {};
}

int Regex::run(Text value) const {
    Workspace& space = workspace();
    pcre2_match_data* data = space.data_for(groups_);
    if (is_jit_) return pcre2_jit_match(code_, bytes(value), value.size(), 0, 0, data, space.context());
    return pcre2_match(code_, bytes(value), value.size(), 0, 0, data, space.context());
}

Match Regex::match(Subject& subject, Text value) const {
    const int count = run(value);
    if (count == PCRE2_ERROR_NOMATCH) return Match::no;
    if (count < 0) {
        fail(subject.log(), count, value);
        return Match::failed;
    }
    const size_t* offsets = pcre2_get_ovector_pointer(workspace().data());
    const auto found = static_cast<size_t>(count);
    // As in nginx, a regex without groups leaves no $0 … $9 of an earlier one behind.
    subject.set_captures(value, {offsets, found * 2});
    for (const NamedGroup& named : named_) {
        if (named.variable == kNoVariable) continue;
        Text group{""};
        const size_t at = named.group * 2;
        if (named.group < found && offsets[at] < offsets[at + 1])
            group = value.substr(offsets[at], offsets[at + 1] - offsets[at]);
        subject.store(named.variable, group);
    }
    return Match::yes;
}

Match Regex::test(const Log& log, Text value) const {
    const int count = run(value);
    if (count >= 0) return Match::yes;
    if (count == PCRE2_ERROR_NOMATCH) return Match::no;
    fail(log, count, value);
    return Match::failed;
}

/// nginx's line. Its level there is `alert`; a peer can cause it at will, so it is no defect of the server.
void Regex::fail(const Log& log, int code, Text value) const {
    log.error(0, "pcre2_match() failed: ", code, " on \"", value, "\" using \"", pattern_, "\"");
}

}  // namespace sluice::script
