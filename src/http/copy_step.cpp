// CopyStep: a few buffers, used in turns.
#include "http/copy_step.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "core/base/out_of_memory.h"
#include "core/base/text_builder.h"
#include "http/conf/location_conf.h"
#include "http/request.h"
#include "http/server_connection.h"
#include "http/worker.h"

namespace sluice::http {

namespace {

/// Bytes given on before others have their turn.
constexpr int64_t kPassedAtOnce = 2 * 1024 * 1024;
constexpr size_t kCacheLine = 64;
/// The least that reads past the page cache are aligned to.
constexpr size_t kSector = 512;

size_t round_up(size_t size, size_t unit) {
    return (size + unit - 1) / unit * unit;
}

}  // namespace

/// Memory that files are read into, and the read in flight.
class CopyStep::Buffers final : public event::Mortal {
 public:
    Buffers(CopyStep& step, event::FileReadWay way, event::ThreadPool* pool);
    ~Buffers() override {
        for (const Slot& slot : slots_) std::free(slot.memory);
    }
    bool can_be_buried() const override { return !read_.is_in_flight(); }
    /// The step is gone.
    void orphan() { step_ = nullptr; }

    bool has_free() const { return used_ < slots_.size(); }
    event::FileRead& read() { return read_; }

    /// Begins to read the front of a file range into the next free buffer.
    event::FileRead::State start(const event::Buffer& range);
    /// What the read brought of the range, as a piece of memory that is in use now; null when it brought nothing.
    event::Buffer* take(const event::Buffer& range);
    /// What was taken is on its way.
    void send() { sent_ = used_; }
    /// It has gone.
    void release() { used_ -= std::exchange(sent_, 0); }

 private:
    struct Slot {
        char* memory = nullptr;
        size_t capacity = 0;
        event::Buffer piece;
    };

    void on_read();
    void make_room(Slot& slot, size_t size, size_t alignment);

    CopyStep* step_;
    event::FileRead read_;
    std::vector<Slot> slots_;
    size_t alignment_ = 0;  ///< of reads past the page cache
    size_t size_ = 0;       ///< most that is read at once
    size_t next_ = 0;       ///< the slot to be used next
    size_t used_ = 0;       ///< slots before it, in a circle, whose bytes have not gone
    size_t sent_ = 0;       ///< of these, those on their way
};

CopyStep::Buffers::Buffers(CopyStep& step, event::FileReadWay way, event::ThreadPool* pool)
    : step_(&step), read_(step.loop_, way, pool, event::Task::call<&Buffers::on_read>, this) {
    const auto& core = step.request_.conf<LocationConf>();
    alignment_ = std::max<size_t>(std::bit_ceil(static_cast<size_t>(core.directio_alignment->count)), kSector);
    size_ = static_cast<size_t>(core.output_buffers->size.count);
    slots_.resize(core.output_buffers->number);
}

void CopyStep::Buffers::make_room(Slot& slot, size_t size, size_t alignment) {
    if (slot.capacity >= size && reinterpret_cast<uintptr_t>(slot.memory) % alignment == 0) return;
    std::free(slot.memory);
    slot.capacity = round_up(size, alignment);
    slot.memory = static_cast<char*>(std::aligned_alloc(alignment, slot.capacity));
    if (slot.memory == nullptr) out_of_memory();
}

// Past the page cache, offset, size and memory are aligned: the bytes around the range are read with it.
event::FileRead::State CopyStep::Buffers::start(const event::Buffer& range) {
    Slot& slot = slots_[next_];
    const size_t unit = range.is_direct ? alignment_ : 1;
    const auto begin = static_cast<size_t>(range.file_begin) / unit * unit;
    const size_t wanted = round_up(static_cast<size_t>(range.file_end) - begin, unit);
    const size_t size = std::min(std::max(size_ / unit * unit, unit), wanted);
    make_room(slot, size, std::max(unit, kCacheLine));
    return read_.start({range.fd, static_cast<int64_t>(begin), slot.memory, size, range.is_direct});
}

event::Buffer* CopyStep::Buffers::take(const event::Buffer& range) {
    const int64_t skipped = range.file_begin - read_.piece().offset;
    const int64_t size = std::min(read_.size() - skipped, range.size());
    if (size <= 0) return nullptr;
    Slot& slot = slots_[next_];
    slot.piece = {.begin = slot.memory + skipped, .end = slot.memory + skipped + size};
    next_ = (next_ + 1) % slots_.size();
    ++used_;
    return &slot.piece;
}

void CopyStep::Buffers::on_read() {
    if (step_ != nullptr) step_->resume();
}

CopyStep::CopyStep(Request& request)
    : request_(request), loop_(request.connection().loop()), yield_(event::Task::call<&CopyStep::resume>, this) {
    const AioSettings& aio = *request.conf<LocationConf>().aio;
    auto way = event::FileReadWay::blocking;
    event::ThreadPool* pool = nullptr;
    if (aio.way == Aio::kernel) way = event::FileReadWay::kernel;
    if (aio.way == Aio::threads) {
        way = event::FileReadWay::threads;
        pool = request.connection().worker().find_thread_pool(request, aio.pool.evaluate(request));
        is_failed_ = pool == nullptr;
    }
    buffers_ = new Buffers(*this, way, pool);
}

CopyStep::~CopyStep() {
    buffers_->orphan();
    loop_.bury(buffers_);
}

OutputState CopyStep::take(event::Chain& chain, bool is_last) {
    waiting_.splice(chain);
    is_last_ |= is_last;
    return go_on();
}

OutputState CopyStep::on_gone() {
    is_pending_ = false;
    passed_ = 0;
    buffers_->release();
    return go_on();
}

/// From the loop: a read has ended, or others had their turn.
void CopyStep::resume() {
    if (request_.is_finished()) return;
    passed_ = 0;
    if (is_reading_ && !buffers_->read().is_in_flight()) finish_read();
    if (go_on() == OutputState::sent) request_.on_output_gone();
}

OutputState CopyStep::go_on() {
    for (;;) {
        fill();
        if (is_failed_) {
            request_.finish(500);
            return OutputState::failed;
        }
        if (is_pending_ || yield_.is_linked()) return OutputState::pending;
        const bool is_end = is_last_ && !was_end_given_ && waiting_.empty();
        if (ready_.empty() && !is_end) return is_reading_ ? OutputState::pending : OutputState::sent;
        const OutputState state = give_on(is_end);
        if (state != OutputState::sent) return state;
        if (is_idle()) return OutputState::sent;
        if (passed_ < kPassedAtOnce) continue;
        loop_.defer(yield_);
        return OutputState::pending;
    }
}

/// Whatever of `waiting_` can be had without waiting becomes `ready_`, as far as the buffers go; then the next read
/// is in flight.
void CopyStep::fill() {
    while (!waiting_.empty() && !is_reading_ && !is_failed_) {
        const event::Buffer& next = *waiting_.head();
        if (!next.is_file()) {
            event::Buffer uncut;
            event::Chain piece = waiting_.split(uncut, next.size());
            ready_.splice(piece);
            continue;
        }
        if (!buffers_->has_free()) return;
        is_reading_ = true;
        if (buffers_->start(next) == event::FileRead::State::pending) return;
        finish_read();
    }
}

void CopyStep::finish_read() {
    is_reading_ = false;
    event::Buffer& range = *waiting_.head();
    event::Buffer* piece = buffers_->take(range);
    if (piece != nullptr) {
        waiting_.consume(piece->size());
        ready_.append(*piece);
    } else if (range.is_direct && buffers_->read().error() == EINVAL) {
        // The file's system asks for a larger alignment than `directio_alignment` says.
        ::fcntl(range.fd, F_SETFL, ::fcntl(range.fd, F_GETFL) & ~O_DIRECT);
        range.is_direct = false;
    } else {
        report(range);
        is_failed_ = true;
    }
}

void CopyStep::report(const event::Buffer& range) const {
    char room[PATH_MAX];
    const Text path = event::path_of_descriptor(range.fd, room);
    const event::FileRead& read = buffers_->read();
    if (read.size() < 0) {
        request_.log().write(LogLevel::crit, read.error(), "pread() \"", path, "\" failed");
    } else {
        request_.log().write(LogLevel::crit, 0, "pread() read only ", read.size(), " of ", read.piece().size,
                             " from \"", path, "\"");
    }
}

OutputState CopyStep::give_on(bool is_end) {
    event::Chain chain;
    chain.splice(ready_);
    passed_ += chain.size();
    was_end_given_ = is_end;
    buffers_->send();
    const OutputState state = request_.output_bytes(chain, is_end);
    if (state == OutputState::sent) buffers_->release();
    is_pending_ = state == OutputState::pending;
    return state;
}

}  // namespace sluice::http
