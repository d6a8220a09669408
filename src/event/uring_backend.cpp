// UringBackend: setting up, submitting and reaping; watches.
#include "event/uring_backend.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include <poll.h>
#include <sys/socket.h>

#include "core/base/unique_fd.h"
#include "event/file_read.h"
#include "event/loop.h"
#include "event/uring_operations.h"

namespace sluice::event {

namespace {

/// A turn fills few of them (the kernel works off some twenty receives a turn): more would only be colder.
constexpr uint32_t kBuffersInRing = 128;
constexpr unsigned kFeatures = IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_FAST_POLL |
                               IORING_FEAT_EXT_ARG | IORING_FEAT_CQE_SKIP;
/// What a multishot receive brings before it is asked for anew. Without a limit the kernel goes on while there is
/// something, in the same turn, however little of it is wanted: all that a socket holds would be kept for a
/// connection that is paused at the first of it.
constexpr uint32_t kReceivedInSuccession = 2 * BufferPool::kSmallSize;
/// IORING_FEAT_MIN_TIMEOUT of Linux 6.12, which older headers do not name.
constexpr unsigned kMinTimeout = 1U << 15U;

/// A turn that takes longer hands over in between what it has queued: the first answers do not wait for the last.
constexpr int64_t kLongTurn = 200'000;  // nanoseconds

int64_t nanoseconds(clockid_t clock = CLOCK_MONOTONIC) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

/// io_uring_getevents_arg with the field that was padding before 6.12.
struct WaitArgument {
    uint64_t signals;
    uint32_t signals_size;
    uint32_t shortest_wait;  ///< microseconds
    uint64_t longest_wait;   ///< a timespec
};

}  // namespace

UringBackend::UringBackend(BufferPool& buffers) : pool_(buffers), ring_buffers_(buffers, kBuffersInRing) {}

Result<std::unique_ptr<UringBackend>> UringBackend::create(BufferPool& buffers, uint32_t connections) {
    std::unique_ptr<UringBackend> backend(new UringBackend(buffers));
    if (auto done = backend->set_up(connections); !done) return done.error();
    if (auto done = backend->try_out(); !done) return done.error();
    return backend;
}

/// SINGLE_ISSUER came with Linux 6.0, and so did multishot receive; DEFER_TASKRUN with 6.1.
Result<void> UringBackend::set_up(uint32_t connections) {
    const unsigned entries = std::bit_ceil(std::clamp(connections, 256U, 1024U));
    constexpr unsigned kBase = IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN;
    int result = -EINVAL;
    for (const unsigned flags : {kBase | IORING_SETUP_DEFER_TASKRUN, kBase}) {
        io_uring_params parameters{};
        parameters.flags = flags;
        parameters.cq_entries = entries * 4;
        result = io_uring_queue_init_params(entries, &ring_, &parameters);
        if (result == 0) break;
        if (result != -EINVAL) return Error("io_uring_setup() failed", -result);
    }
    if (result != 0) return Error("io_uring is older than Linux 6.0");
    is_set_up_ = true;
    if ((ring_.features & kFeatures) != kFeatures) return Error("io_uring lacks features of Linux 6.0");
    has_ring_index_ = io_uring_register_ring_fd(&ring_) == 1;
    can_batch_ = (ring_.features & kMinTimeout) != 0;
    if (!ring_buffers_.open(ring_)) return Error("io_uring_register(IORING_REGISTER_PBUF_RING) failed", errno);
    return {};
}

/// Whether it does what is asked of it: a multishot receive of a non-blocking socket waits for bytes, brings them in
/// a provided buffer, and goes on.
Result<void> UringBackend::try_out() {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        return Error("socketpair() failed", errno);
    const UniqueFd ours(ends[0]);
    const UniqueFd theirs(ends[1]);
    receive(ours.get(), kReceive);
    wait({0});
    if (io_uring_cq_ready(&ring_) != 0 && pop().result == -EINVAL) {
        can_limit_ = false;
        receive(ours.get(), kReceive);
        wait({0});
    }
    if (io_uring_cq_ready(&ring_) != 0)
        return Error("io_uring does not wait for a non-blocking socket", -pop().result);
    if (::write(theirs.get(), "x", 1) != 1) return Error("write() failed", errno);
    if (!await_completion()) return Error("io_uring does not receive");
    const Completion received = pop();
    const bool is_right = received.result == 1 && received.goes_on() && (received.flags & IORING_CQE_F_BUFFER) != 0;
    if ((received.flags & IORING_CQE_F_BUFFER) != 0) ring_buffers_.take(received.flags).release();
    // Nothing may be left in flight: its completion would be taken for a connection's.
    cancel(kReceive);
    for (bool goes_on = received.goes_on(); goes_on; goes_on = pop().goes_on())
        if (!await_completion()) return Error("io_uring does not cancel");
    if (!is_right) return Error("io_uring does not receive into provided buffers", std::max(0, -received.result));
    return {};
}

/// False: none came. A call that is interrupted, or finds no memory, is made again.
bool UringBackend::await_completion() {
    for (int tries = 0; tries < 3 && io_uring_cq_ready(&ring_) == 0; ++tries) wait({1000});
    return io_uring_cq_ready(&ring_) != 0;
}

UringBackend::~UringBackend() {
    if (is_set_up_) io_uring_queue_exit(&ring_);
    while (WatchOperation* operation = watches_.pop_front()) delete operation;
    while (AcceptOperation* operation = listeners_.pop_front()) delete operation;
}

/// An entry of the submission queue; a full queue is submitted first.
io_uring_sqe& UringBackend::next() {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    while (entry == nullptr) {
        io_uring_submit(&ring_);
        entry = io_uring_get_sqe(&ring_);
    }
    return *entry;
}

/// Of the cancelled operation a completion comes; of the cancelling none, or one that nobody looks at.
void UringBackend::cancel(uint64_t data) {
    io_uring_sqe& entry = next();
    io_uring_prep_cancel64(&entry, data, 0);
    entry.flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(&entry, kNothing);
}

void UringBackend::poll(int fd, unsigned events, uint64_t data) {
    io_uring_sqe& entry = next();
    io_uring_prep_poll_add(&entry, fd, events);
    io_uring_sqe_set_data64(&entry, data);
}

/// A multishot receive into buffers of the ring. Its limit, of Linux 6.17, is a field that older headers name for
/// other operations only, and that older kernels refuse.
void UringBackend::receive(int fd, uint64_t data) {
    io_uring_sqe& entry = next();
    io_uring_prep_recv_multishot(&entry, fd, nullptr, 0, 0);
    entry.flags |= IOSQE_BUFFER_SELECT;
    entry.buf_group = BufferRing::kGroup;
    if (can_limit_) entry.file_index = kReceivedInSuccession;
    io_uring_sqe_set_data64(&entry, data);
}

void UringBackend::wait(Msec longest) {
    ring_buffers_.refill();
    if (!starved_.empty()) feed_starved();
    if (!ready_.empty() || io_uring_cq_ready(&ring_) != 0) longest = {0};
    __kernel_timespec time{.tv_sec = longest.count / 1000, .tv_nsec = longest.count % 1000 * 1'000'000};
    if (longest.count == 0) {
        io_uring_submit_and_get_events(&ring_);
    } else if (can_batch_ && batching_.wanted() > 1) {
        wait_for_batch(longest.count < 0 ? nullptr : &time);
    } else {
        io_uring_cqe* unused = nullptr;
        io_uring_submit_and_wait_timeout(&ring_, &unused, 1, longest.count < 0 ? nullptr : &time, nullptr);
    }
    messages_.reset();
}

/// What liburing 2.3 does to submit and wait, and the shortest wait that it does not know of yet.
void UringBackend::wait_for_batch(const __kernel_timespec* longest) {
    io_uring_sq& queue = ring_.sq;
    unsigned tail = *queue.ktail;
    for (; queue.sqe_head != queue.sqe_tail; ++queue.sqe_head, ++tail)
        queue.array[tail & *queue.kring_mask] = queue.sqe_head & *queue.kring_mask;
    io_uring_smp_store_release(queue.ktail, tail);
    WaitArgument argument{0, _NSIG / 8, Batching::kWindow, reinterpret_cast<uint64_t>(longest)};
    const unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG |
                           (has_ring_index_ ? unsigned{IORING_ENTER_REGISTERED_RING} : 0U);
    io_uring_enter2(static_cast<unsigned>(ring_.enter_ring_fd), tail - *queue.khead, batching_.wanted(), flags,
                    reinterpret_cast<sigset_t*>(&argument), sizeof argument);
}

/// Takes the next completion out of the queue; only when there is one.
UringBackend::Completion UringBackend::pop() {
    const unsigned at = *ring_.cq.khead & *ring_.cq.kring_mask;
    const io_uring_cqe& entry = ring_.cq.cqes[at];
    const Completion completion{entry.user_data, entry.res, entry.flags};
    io_uring_cq_advance(&ring_, 1);
    return completion;
}

void UringBackend::deliver(Msec now) {
    if (!ready_.empty()) serve_ready();
    const unsigned completed = io_uring_cq_ready(&ring_);
    if (can_batch_) {
        batching_.brought(completed);
        if (batching_.is_epoch_over(now)) batching_.start_epoch(now, nanoseconds(CLOCK_THREAD_CPUTIME_ID));
    }
    is_arrival_counted_ = false;
    if (completed == 0) return;
    int64_t submitted = nanoseconds();
    for (unsigned count = completed; count != 0; --count) {
        dispatch(pop());
        const int64_t time = nanoseconds();
        if (time - submitted < kLongTurn) continue;
        io_uring_submit(&ring_);
        submitted = time;
    }
}

void UringBackend::dispatch(const Completion& completion) {
    switch (kind_of(completion.data)) {
        case kNothing: break;
        case kAccept: on_accept(*object_of<AcceptSlot>(completion.data), completion); break;
        case kOperation: object_of<Operation>(completion.data)->on_completion(completion.result); break;
        default: on_completion(*object_of<Connection>(completion.data), completion); break;
    }
}

// --- files ---

bool UringBackend::start(FileRead& read) {
    const FileRead::Piece& piece = read.piece();
    io_uring_sqe& entry = next();
    io_uring_prep_read(&entry, piece.fd, piece.to, static_cast<unsigned>(piece.size),
                       static_cast<uint64_t>(piece.offset));
    io_uring_sqe_set_data64(&entry, pack_operation(read));
    return true;
}

// --- watches ---

Result<void> UringBackend::start(Watch& watch) {
    auto* operation = new WatchOperation(*this, watch);
    watches_.push_back(*operation);
    watch.operation_ = operation;
    poll(*operation);
    return {};
}

void UringBackend::stop(Watch& watch) {
    auto* operation = static_cast<WatchOperation*>(watch.operation_);
    operation->watch = nullptr;
    watch.operation_ = nullptr;
    cancel(pack_operation(*operation));
}

void UringBackend::poll(WatchOperation& operation) {
    poll(operation.watch->fd_, POLLIN, pack_operation(operation));
}

/// A poll tells once; asking anew makes it level-triggered.
void UringBackend::on_watch(WatchOperation& operation) {
    if (operation.watch != nullptr) operation.watch->fire();
    if (operation.watch != nullptr) {
        poll(operation);
    } else {
        delete &operation;
    }
}

}  // namespace sluice::event
