// Regex: compiling with JIT, matching into one block of match data per process.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "core/script/regex.h"

#include <pcre2.h>

#include "core/script/variable.h"

namespace sluice::script {

namespace {

constexpr uint32_t kMostGroups = 64;

pcre2_match_data* match_data() {
    static thread_local pcre2_match_data* const data = pcre2_match_data_create(kMostGroups, nullptr);
    return data;
}

Error describe(int code, size_t offset, Text pattern) {
    PCRE2_UCHAR message[256];
    pcre2_get_error_message(code, message, sizeof(message));
    std::string text = "pcre2_compile() failed: ";
    text.append(reinterpret_cast<const char*>(message)).append(" in \"").append(pattern).append("\"");
    if (offset < pattern.size()) text.append(" at \"").append(pattern.substr(offset)).append("\"");
    return Error(std::move(text));
}

}  // namespace

Regex::~Regex() {
    pcre2_code_free(code_);
}

Result<const Regex*> Regex::compile(Arena& arena, VariableTable& table, Text pattern, const Options& options) {
    int error = 0;
    size_t offset = 0;
    pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                     options.ignore_case ? PCRE2_CASELESS : 0, &error, &offset, nullptr);
    if (code == nullptr) return describe(error, offset, pattern);
    // Without JIT the interpreter serves.
    static_cast<void>(pcre2_jit_compile(code, PCRE2_JIT_COMPLETE));

    auto* regex = new (arena.allocate(sizeof(Regex), alignof(Regex))) Regex;
    arena.on_reset([](void* made) { static_cast<Regex*>(made)->~Regex(); }, regex);
    regex->pattern_ = pattern;
    regex->code_ = code;
    pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &regex->groups_);
    uint32_t names = 0;
    uint32_t entry_size = 0;
    const unsigned char* entry = nullptr;
    pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &names);
    pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE, &entry_size);
    pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, &entry);
    for (uint32_t i = 0; i < names; ++i, entry += entry_size) {
        const auto group = static_cast<size_t>(entry[0] << 8 | entry[1]);
        Result<uint32_t> index =
            table.define_changeable(arena, arena.copy(reinterpret_cast<const char*>(entry + 2)), Variable{});
        if (!index) return index.error();
        regex->named_.push_back({group, *index});
    }
    return regex;
}

Match Regex::match(Subject& subject, Text value) const {
    pcre2_match_data* data = match_data();
    const int count =
        pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(value.data()), value.size(), 0, 0, data, nullptr);
    if (count == PCRE2_ERROR_NOMATCH) return Match::no;
    if (count < 0) {
        subject.log().alert(0, "pcre2_match() failed: ", count, " on \"", value, "\" using \"", pattern_, "\"");
        return Match::failed;
    }
    const size_t* offsets = pcre2_get_ovector_pointer(data);
    const size_t found = count == 0 ? kMostGroups : static_cast<size_t>(count);
    subject.set_captures(value, {offsets, found * 2});
    for (const NamedGroup& named : named_) {
        const Text group = named.group < found ? subject.capture(named.group) : Text{};
        subject.assign(named.variable, is_found(group) ? group : Text(""));
    }
    return Match::yes;
}

}  // namespace sluice::script
