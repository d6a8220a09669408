// FieldEncoder. The slots are sets of four, each in the order of their last use.
#include "field_encoder.h"

#include <algorithm>
#include <cstring>

#include "huffman.h"

namespace sluice::http2 {

namespace {

/// An entry beyond this share of the table would push out too many others.
constexpr uint32_t kLargestShare = 4;
constexpr uint32_t kEntryOverhead = 32;  // RFC 7541 §4.1
constexpr size_t kStaticEntries = 61;

constexpr size_t kMostNumber = 6;  // bytes of a number below 2^32
constexpr size_t kMostUpdates = 2 * kMostNumber;

/// How a line is written (RFC 7541 §6): the first bits of its first byte, and how many are left for a number.
struct Form {
    uint8_t begin;
    unsigned bits;
};
constexpr Form kIndexed{0x80, 7};
constexpr Form kInserted{0x40, 6};
constexpr Form kPlain{0x00, 4};
constexpr Form kNeverIndexed{0x10, 4};
constexpr Form kUpdate{0x20, 5};
constexpr Form kRawText{0x00, 7};
constexpr Form kHuffmanText{0x80, 7};

/// RFC 7541 §5.1.
char* write_number(Form form, size_t number, char* out) {
    const size_t most = (size_t{1} << form.bits) - 1;
    if (number < most) {
        *out++ = static_cast<char>(form.begin | number);
        return out;
    }
    *out++ = static_cast<char>(form.begin | most);
    for (number -= most; number >= 0x80; number >>= 7) *out++ = static_cast<char>(number | 0x80);
    *out++ = static_cast<char>(number);
    return out;
}

char* write_raw(Text text, char* out) {
    std::memcpy(out, text.data(), text.size());
    return out + text.size();
}

/// RFC 7541 §5.2.
char* write_text(Text text, char* out) {
    const size_t coded = huffman_size(text);
    if (coded < text.size()) return write_huffman(text, write_number(kHuffmanText, coded, out));
    return text.empty() ? write_number(kRawText, 0, out) : write_raw(text, write_number(kRawText, text.size(), out));
}

char* write_literal(Form form, const FieldLine& line, char* out) {
    out = write_number(form, line.static_name, out);
    if (line.static_name == 0) out = write_text(line.name, out);
    return write_text(line.value, out);
}

/// The static entry of a status, 0: there is none.
size_t static_status(Text status) {
    static constexpr std::array<Text, 7> kStatuses{"200", "204", "206", "304", "400", "404", "500"};
    const auto* const found = std::find(kStatuses.begin(), kStatuses.end(), status);
    return found != kStatuses.end() ? kStaticStatus + static_cast<size_t>(found - kStatuses.begin()) : 0;
}

uint64_t word_at(const char* at) {
    uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

/// All of a text that has less than eight bytes.
uint64_t short_word(const char* at, size_t size) {
    constexpr size_t kHalf = 4;
    uint64_t word = 0;
    if (size >= kHalf) {
        uint32_t first = 0;
        uint32_t last = 0;
        std::memcpy(&first, at, kHalf);
        std::memcpy(&last, at + size - kHalf, kHalf);
        return uint64_t{last} << 32U | first;
    }
    for (size_t i = 0; i < size; ++i) word = word << 8U | static_cast<unsigned char>(at[i]);
    return word;
}

uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
    return hash ^ hash >> 32U;
}

inline uint64_t hash_text(Text text, uint64_t hash) {
    constexpr size_t kWord = sizeof(uint64_t);
    hash = mix(hash, text.size());
    if (text.size() < kWord) return mix(hash, short_word(text.data(), text.size()));
    const char* const last = text.data() + text.size() - kWord;
    for (const char* at = text.data(); at < last; at += kWord) hash = mix(hash, word_at(at));
    return mix(hash, word_at(last));
}

/// Whether `text` stands at `stored`. Lines are short: a call of memcmp would cost more.
inline bool is_same(const char* stored, Text text) {
    constexpr size_t kWord = sizeof(uint64_t);
    if (text.size() < kWord) return short_word(stored, text.size()) == short_word(text.data(), text.size());
    const size_t last = text.size() - kWord;
    for (size_t i = 0; i < last; i += kWord)
        if (word_at(stored + i) != word_at(text.data() + i)) return false;
    return word_at(stored + last) == word_at(text.data() + last);
}

inline uint32_t hash_of(const FieldLine& line) {
    const uint64_t name = line.static_name != 0 ? line.static_name : hash_text(line.name, 0);
    return static_cast<uint32_t>(hash_text(line.value, name));
}

}  // namespace

/// A smaller setting must be answered, even if it is more than what is used (RFC 9113 §4.3.1).
void FieldEncoder::limit(uint32_t setting) {
    const uint32_t wanted = std::min(setting, kCapacity);
    smallest_ = std::min(smallest_, wanted);
    has_updates_ |= setting < setting_ || wanted != capacity_;
    setting_ = setting;
}

size_t FieldEncoder::most_bytes(FieldLines lines) {
    size_t most = kMostUpdates;
    for (const FieldLine& line : lines) most += 3 * kMostNumber + line.name.size() + line.value.size();
    return most;
}

inline FieldEncoder::Slot& FieldEncoder::find_slot(uint32_t hash, bool& is_new) {
    Slot* const first = &recent_->slots[hash % kSets * kSetSize];
    if (first->hash == hash) return *first;
    Slot* const found = std::find_if(first, first + kSetSize, [&](const Slot& slot) { return slot.hash == hash; });
    is_new = found == first + kSetSize;
    const Slot slot = is_new ? Slot{hash, 0} : *found;
    std::copy_backward(first, is_new ? found - 1 : found, is_new ? found : found + 1);
    *first = slot;
    return *first;
}

inline bool FieldEncoder::holds(uint32_t number, const FieldLine& line) const {
    const uint32_t age = newest_ - number;
    if (number == 0 || age >= entries_.size()) return false;
    const Entry& entry = entries_[entries_.size() - 1 - age];
    if (entry.static_name != line.static_name || entry.value_size != line.value.size()) return false;
    if (entry.name_size != 0 && (entry.name_size != line.name.size() || !is_same(entry.text.get(), line.name)))
        return false;
    return is_same(entry.text.get() + entry.name_size, line.value);
}

inline char* FieldEncoder::write_indexed(uint32_t number, char* out) const {
    return write_number(kIndexed, kStaticEntries + 1 + newest_ - number, out);
}

inline char* FieldEncoder::write_line(const FieldLine& line, uint32_t& guess, char* out) {
    if (line.is_never_indexed) return write_literal(kNeverIndexed, line, out);
    if (line.static_name == kStaticStatus) {
        if (const size_t index = static_status(line.value); index != 0) return write_number(kIndexed, index, out);
    }
    // Somebody who makes a client ask for many things could find out a cookie by the size of answers.
    if (line.static_name == kStaticSetCookie) return write_literal(kPlain, line, out);
    if (holds(guess, line)) return write_indexed(guess, out);
    bool is_new = false;
    Slot& slot = find_slot(hash_of(line), is_new);
    guess = slot.number;
    if (holds(slot.number, line)) return write_indexed(slot.number, out);
    if (is_new || !insert(line)) return write_literal(kPlain, line, out);
    guess = slot.number = newest_;
    return write_literal(kInserted, line, out);
}

char* FieldEncoder::write(FieldLines lines, char* out) {
    if (recent_ == nullptr) recent_ = std::make_unique<Recent>();
    if (has_updates_) out = write_updates(out);
    // Answers of a site have mostly the same lines in the same order.
    for (size_t i = 0; i < lines.size(); ++i)
        out = write_line(lines[i], recent_->guesses[std::min(i, kGuesses - 1)], out);
    return out;
}

/// RFC 7541 §4.2: the smallest capacity since the last block, and then the one that holds.
char* FieldEncoder::write_updates(char* out) {
    const uint32_t wanted = std::min(setting_, kCapacity);
    shrink_to(smallest_);
    if (smallest_ < wanted) out = write_number(kUpdate, smallest_, out);
    out = write_number(kUpdate, wanted, out);
    capacity_ = smallest_ = wanted;
    has_updates_ = false;
    return out;
}

bool FieldEncoder::insert(const FieldLine& line) {
    const size_t whole = line.name.size() + line.value.size() + kEntryOverhead;
    if (whole > capacity_ / kLargestShare) return false;
    const auto size = static_cast<uint32_t>(whole);
    shrink_to(capacity_ - size);
    const Text name = line.static_name != 0 ? Text{} : line.name;
    auto text = std::make_unique_for_overwrite<char[]>(name.size() + line.value.size());
    std::copy(line.value.begin(), line.value.end(), std::copy(name.begin(), name.end(), text.get()));
    entries_.push_back({.text = std::move(text),
                        .name_size = static_cast<uint32_t>(name.size()),
                        .value_size = static_cast<uint32_t>(line.value.size()),
                        .size = size,
                        .static_name = line.static_name});
    size_ += size;
    ++newest_;
    return true;
}

void FieldEncoder::shrink_to(uint32_t size) {
    auto first = entries_.begin();
    for (; size_ > size; ++first) size_ -= first->size;
    entries_.erase(entries_.begin(), first);
}

}  // namespace sluice::http2
