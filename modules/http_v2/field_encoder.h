// FieldEncoder: writes heads and trailers as HPACK (RFC 7541). What strangers send is for the library to read; what
// is sent to them is ours, and most of it is the same from answer to answer.
//
// A line goes into the table when it is sent for the second time: what differs each time (an ETag, a cookie) pushes
// nothing out, and a connection that had one answer holds nothing.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <sluice/core/base/text.h>

namespace sluice::http2 {

/// A field as HTTP/2 has it: the name in lower case.
struct FieldLine {
    Text name;
    Text value;
    uint8_t static_name = 0;        ///< a place of that name in the static table (RFC 7541, appendix A); 0: none
    bool is_never_indexed = false;  ///< no table may hold it (RFC 7541 §7.1.3)
};

/// A head or trailers.
using FieldLines = std::span<const FieldLine>;

/// Places of the static table that the encoder itself knows.
constexpr uint8_t kStaticStatus = 8;
constexpr uint8_t kStaticSetCookie = 55;

class FieldEncoder {
 public:
    /// What the table may hold, unless the peer wants less (RFC 7541 §4.1).
    static constexpr uint32_t kCapacity = 4096;

    /// The peer's SETTINGS_HEADER_TABLE_SIZE; sections from now on obey it (RFC 9113 §4.3.1).
    void limit(uint32_t setting);
    /// The most that `lines` take.
    static size_t most_bytes(FieldLines lines);
    /// Writes a block to `out`, which has room for most_bytes(), and returns its end. Blocks must be sent in the
    /// order in which they are written.
    char* write(FieldLines lines, char* out);

 private:
    struct Entry {
        std::unique_ptr<char[]> text;  ///< the name, unless it is a static one, and the value
        uint32_t name_size;
        uint32_t value_size;
        uint32_t size;  ///< as RFC 7541 §4.1 counts it
        uint8_t static_name;
    };
    /// A line that was sent lately.
    struct Slot {
        uint32_t hash;
        uint32_t number;  ///< of its entry, counted from 1; 0: it has none
    };
    static constexpr size_t kSets = 16;
    static constexpr size_t kSetSize = 4;
    static constexpr size_t kGuesses = 12;
    struct Recent {
        std::array<Slot, kSets * kSetSize> slots{};
        std::array<uint32_t, kGuesses> guesses{};  ///< entries of the first lines of the last block
    };

    /// `guess`: where it may be found at once; becomes its entry.
    char* write_line(const FieldLine& line, uint32_t& guess, char* out);
    char* write_indexed(uint32_t number, char* out) const;
    char* write_updates(char* out);
    /// The slot of the line, in front of its set; a new one says that it has never been sent.
    Slot& find_slot(uint32_t hash, bool& is_new);
    bool holds(uint32_t number, const FieldLine& line) const;
    /// False: it is too large.
    bool insert(const FieldLine& line);
    /// Drops the oldest entries.
    void shrink_to(uint32_t size);

    std::unique_ptr<Recent> recent_;
    std::vector<Entry> entries_;  ///< oldest first
    uint32_t newest_ = 0;         ///< number of the last entry
    uint32_t size_ = 0;
    uint32_t capacity_ = kCapacity;
    uint32_t setting_ = kCapacity;
    uint32_t smallest_ = kCapacity;  ///< of the capacities that were wanted since the last block
    bool has_updates_ = false;       ///< the next block tells of them
};

}  // namespace sluice::http2
