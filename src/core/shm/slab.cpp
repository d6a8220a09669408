// Slab: pages of equal pieces with a bit map each, and runs of pages that grow together again when they are freed.
#include "core/shm/slab.h"

#include <algorithm>
#include <bit>
#include <new>

namespace sluice::shm {

namespace {

constexpr uintptr_t align_up(uintptr_t value, size_t to) {
    return (value + to - 1) & ~(uintptr_t{to} - 1);
}

}  // namespace

Slab* Slab::create(void* memory, size_t size) {
    const auto begin = reinterpret_cast<uintptr_t>(memory);
    const uintptr_t end = begin + size;
    const uintptr_t pages = align_up(begin + sizeof(Slab), alignof(Page));
    if (pages >= end) return nullptr;
    size_t count = std::min<size_t>((end - pages) / (kPageSize + sizeof(Page)) + 1, kNone - 1);
    uintptr_t first = 0;
    for (; count != 0; --count) {
        first = align_up(pages + count * sizeof(Page), kPageSize);
        if (first + count * kPageSize <= end) break;
    }
    if (count == 0) return nullptr;

    auto* slab = new (memory) Slab;
    slab->first_ = reinterpret_cast<char*>(first);
    slab->pages_ = reinterpret_cast<Page*>(pages);
    slab->page_count_ = static_cast<uint32_t>(count);
    for (size_t i = 0; i < count; ++i) new (slab->pages_ + i) Page{kNone, kNone, 0, 0, 0, Use::inside, {}};
    std::fill(std::begin(slab->partial_), std::end(slab->partial_), kNone);
    std::fill(std::begin(slab->runs_), std::end(slab->runs_), kNone);
    slab->add_free_run(0, slab->page_count_);
    return slab;
}

void* Slab::allocate(size_t size) {
    if (size <= kLargestPiece) return allocate_piece(class_of(size));
    if (size > size_t{page_count_} * kPageSize) return nullptr;
    const uint32_t page = take_run(static_cast<uint32_t>((size + kPageSize - 1) / kPageSize));
    if (page == kNone) return nullptr;
    pages_[page].use = Use::used_run;
    return address(page);
}

bool Slab::free(void* piece) {
    const auto at = reinterpret_cast<uintptr_t>(piece);
    const auto first = reinterpret_cast<uintptr_t>(first_);
    if (at < first || at >= first + size_t{page_count_} * kPageSize) return false;
    const auto page = static_cast<uint32_t>((at - first) / kPageSize);
    const size_t offset = (at - first) % kPageSize;
    switch (pages_[page].use) {
        case Use::pieces: return free_piece(page, offset);
        case Use::used_run:
            if (offset != 0) return false;
            release_run(page);
            return true;
        case Use::inside:
        case Use::free_run:
        case Use::free_tail: return false;
    }
    return false;
}

// --- pieces ---

size_t Slab::class_of(size_t size) {
    return size <= kSmallest ? 0 : static_cast<size_t>(std::bit_width(size - 1)) - std::bit_width(kSmallest - 1);
}

uint32_t Slab::pieces_per_page(size_t size_class) {
    return static_cast<uint32_t>(kPageSize / (kSmallest << size_class));
}

void* Slab::allocate_piece(size_t size_class) {
    Counters& counters = counters_[size_class];
    ++counters.requests;
    const uint32_t index = partial_[size_class] != kNone ? partial_[size_class] : start_page(size_class);
    if (index == kNone) {
        ++counters.failures;
        return nullptr;
    }
    Page& page = pages_[index];
    size_t word = 0;
    while (page.taken[word] == UINT64_MAX) ++word;
    const auto bit = static_cast<size_t>(std::countr_one(page.taken[word]));
    page.taken[word] |= uint64_t{1} << bit;
    ++counters.used;
    if (++page.pieces_used == pieces_per_page(size_class)) unlink(partial_[size_class], index);
    return address(index) + (word * 64 + bit) * (kSmallest << size_class);
}

/// Makes a page of pieces and puts it where the next one is taken from.
uint32_t Slab::start_page(size_t size_class) {
    const uint32_t index = take_run(1);
    if (index == kNone) return kNone;
    Page& page = pages_[index];
    page.use = Use::pieces;
    page.size_class = static_cast<uint8_t>(size_class);
    page.pieces_used = 0;
    const size_t pieces = pieces_per_page(size_class);
    for (size_t word = 0; word < std::size(page.taken); ++word) {
        const size_t begin = word * 64;
        // Bits that stand for no piece count as taken, so that the search needs no bound.
        page.taken[word] = begin + 64 <= pieces ? 0 : begin >= pieces ? UINT64_MAX : UINT64_MAX << (pieces - begin);
    }
    ++counters_[size_class].pages;
    link(partial_[size_class], index);
    return index;
}

bool Slab::free_piece(uint32_t index, size_t offset) {
    Page& page = pages_[index];
    const size_t size_class = page.size_class;
    const size_t size = kSmallest << size_class;
    if (offset % size != 0) return false;
    const size_t piece = offset / size;
    const uint64_t bit = uint64_t{1} << (piece % 64);
    if ((page.taken[piece / 64] & bit) == 0) return false;

    if (page.pieces_used == pieces_per_page(size_class)) link(partial_[size_class], index);
    page.taken[piece / 64] &= ~bit;
    --counters_[size_class].used;
    if (--page.pieces_used == 0) {
        unlink(partial_[size_class], index);
        --counters_[size_class].pages;
        release_run(index);
    }
    return true;
}

// --- runs of pages ---

size_t Slab::bin_of(uint32_t length) {
    return static_cast<size_t>(std::bit_width(length)) - 1;
}

void Slab::link(uint32_t& head, uint32_t page) {
    pages_[page].previous = kNone;
    pages_[page].next = head;
    if (head != kNone) pages_[head].previous = page;
    head = page;
}

void Slab::unlink(uint32_t& head, uint32_t page) {
    const Page& at = pages_[page];
    if (at.previous != kNone) {
        pages_[at.previous].next = at.next;
    } else {
        head = at.next;
    }
    if (at.next != kNone) pages_[at.next].previous = at.previous;
}

/// A free run of at least `length` pages: from the same bin where one fits, so that long runs stay long.
uint32_t Slab::find_run(uint32_t length) const {
    size_t bin = bin_of(length);
    for (uint32_t page = runs_[bin]; page != kNone; page = pages_[page].next)
        if (pages_[page].length >= length) return page;
    while (++bin < kRunBins)
        if (runs_[bin] != kNone) return runs_[bin];
    return kNone;
}

/// The first page of a run of just `length` pages that now belongs to the caller, who says what for.
uint32_t Slab::take_run(uint32_t length) {
    const uint32_t page = find_run(length);
    if (page == kNone) return kNone;
    const uint32_t rest = pages_[page].length - length;
    remove_free_run(page);
    if (rest != 0) add_free_run(page + length, rest);
    pages_[page].length = length;
    return page;
}

void Slab::add_free_run(uint32_t page, uint32_t length) {
    Page& last = pages_[page + length - 1];
    last.use = Use::free_tail;
    last.length = length;
    Page& first = pages_[page];
    first.use = Use::free_run;
    first.length = length;
    free_pages_ += length;
    link(runs_[bin_of(length)], page);
}

void Slab::remove_free_run(uint32_t page) {
    const uint32_t length = pages_[page].length;
    unlink(runs_[bin_of(length)], page);
    free_pages_ -= length;
    pages_[page + length - 1].use = Use::inside;
    pages_[page].use = Use::inside;
}

/// Frees a run, together with free neighbours.
void Slab::release_run(uint32_t page) {
    uint32_t begin = page;
    uint32_t length = pages_[page].length;
    pages_[page].use = Use::inside;
    if (const uint32_t behind = page + length; behind < page_count_ && pages_[behind].use == Use::free_run) {
        length += pages_[behind].length;
        remove_free_run(behind);
    }
    if (begin != 0) {
        const Page& before = pages_[begin - 1];
        if (before.use == Use::free_tail || before.use == Use::free_run) {
            const uint32_t more = before.length;
            begin -= more;
            length += more;
            remove_free_run(begin);
        }
    }
    add_free_run(begin, length);
}

// --- looking at the whole ---

Slab::Statistics Slab::statistics() const {
    Statistics all;
    for (size_t i = 0; i < kClasses; ++i) {
        const Counters& counters = counters_[i];
        all[i] = {kSmallest << i, size_t{counters.pages} * pieces_per_page(i), counters.used, counters.requests,
                  counters.failures};
    }
    return all;
}

struct Slab::Walk {
    size_t free_pages = 0;
    size_t runs = 0;
    size_t partial = 0;
    size_t listed_runs = 0;
    size_t listed_partial = 0;
    bool was_free = false;
    Counters counters[kClasses] = {};
};

bool Slab::check_list(uint32_t head, Use use, Walk& walk) const {
    uint32_t previous = kNone;
    size_t& listed = use == Use::pieces ? walk.listed_partial : walk.listed_runs;
    for (uint32_t page = head; page != kNone; previous = page, page = pages_[page].next) {
        if (page >= page_count_ || pages_[page].use != use || pages_[page].previous != previous) return false;
        if (++listed > page_count_) return false;
    }
    return true;
}

/// One run; its length is the step to the next.
bool Slab::check_page(uint32_t index, Walk& walk) const {
    const Page& page = pages_[index];
    if (page.length == 0 || page.length > page_count_ - index) return false;
    const bool is_free = page.use == Use::free_run;
    if (is_free && walk.was_free) return false;  // neighbours that did not grow together
    walk.was_free = is_free;
    if (is_free) {
        ++walk.runs;
        walk.free_pages += page.length;
        const Page& last = pages_[index + page.length - 1];
        return last.length == page.length && (page.length == 1 || last.use == Use::free_tail);
    }
    for (uint32_t i = 1; i < page.length; ++i)
        if (pages_[index + i].use != Use::inside) return false;
    if (page.use == Use::used_run) return true;
    if (page.use != Use::pieces || page.length != 1 || page.size_class >= kClasses) return false;

    const uint32_t pieces = pieces_per_page(page.size_class);
    int taken = 0;
    for (const uint64_t word : page.taken) taken += std::popcount(word);
    const auto surplus = static_cast<int>(kPageSize / kSmallest - pieces);
    if (page.pieces_used == 0 || taken - surplus != static_cast<int>(page.pieces_used)) return false;
    if (page.pieces_used < pieces) ++walk.partial;
    ++walk.counters[page.size_class].pages;
    walk.counters[page.size_class].used += page.pieces_used;
    return true;
}

bool Slab::is_consistent() const {
    Walk walk;
    for (uint32_t page = 0; page < page_count_; page += pages_[page].length)
        if (!check_page(page, walk)) return false;
    for (size_t i = 0; i < kClasses; ++i) {
        if (!check_list(partial_[i], Use::pieces, walk)) return false;
        if (walk.counters[i].pages != counters_[i].pages || walk.counters[i].used != counters_[i].used) return false;
    }
    for (const uint32_t head : runs_)
        if (!check_list(head, Use::free_run, walk)) return false;
    return walk.free_pages == free_pages_ && walk.runs == walk.listed_runs && walk.partial == walk.listed_partial;
}

}  // namespace sluice::shm
