// Binding.
#include "cycle/sockets.h"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include <sys/stat.h>
#include <unistd.h>

#include "core/proc/listening_sockets.h"

namespace sluice::cycle {

namespace {

constexpr unsigned kTries = 5;
constexpr long kPauseNanoseconds = 500'000'000;

int type_of(const event::ListenOptions& options) {
    return options.is_datagram ? SOCK_DGRAM : SOCK_STREAM;
}

/// Claims what there is.
void claim_all(Bound& bound, proc::ListeningSockets& sockets, const Log& log) {
    const event::SocketAddress& address = bound.binding->address;
    const event::ListenOptions& options = bound.binding->options;
    for (;;) {
        const int claimed = sockets.claim(address.get(), address.length(), type_of(options));
        if (claimed < 0) return;
        if (Result<void> tuned = event::configure_listening_socket(claimed, options); !tuned) {
            log.write(LogLevel::crit, tuned.error().number, tuned.error().text, ", ignored");
        }
        bound.fds.push_back(claimed);
    }
}

/// Opens what is missing. False when an address was in use and another try may help.
Result<bool> complete(Bound& bound, proc::ListeningSockets& sockets, const Log& log) {
    const event::SocketAddress& address = bound.binding->address;
    const event::ListenOptions& options = bound.binding->options;
    while (bound.fds.size() < std::max(bound.count, 1U)) {
        sockets.free_name(address.get(), address.length(), log);
        Result<UniqueFd> opened = event::open_listening_socket(address, options);
        if (!opened) {
            log.emerg(opened.error().number, opened.error().text);
            if (opened.error().number == EADDRINUSE) return false;
            return Error("");
        }
        bound.fds.push_back(sockets.add(address.get(), address.length(), type_of(options), std::move(*opened)));
    }
    return true;
}

std::vector<Bound> list_bindings(std::span<event::Service* const> services, unsigned workers) {
    std::vector<Bound> all;
    for (event::Service* service : services) {
        for (const event::Binding& binding : service->bindings())
            all.push_back({service, &binding, binding.options.reuse_port ? workers : 0, {}});
    }
    return all;
}

/// The file of a unix socket that this test made.
void remove_socket_file(const event::SocketAddress& address) {
    Arena arena;
    const Text text = address.text(arena);
    ::unlink(arena.copy_c_str(text.substr(text.find(':') + 1)));
}

}  // namespace

Result<std::vector<Bound>> bind_all(std::span<event::Service* const> services, proc::ListeningSockets& sockets,
                                    unsigned workers, const Log& log) {
    std::vector<Bound> all = list_bindings(services, workers);
    for (Bound& bound : all) claim_all(bound, sockets, log);
    for (unsigned left = kTries; left > 0; --left) {
        bool is_complete = true;
        for (Bound& bound : all) {
            Result<bool> done = complete(bound, sockets, log);
            if (!done) return done.error();
            is_complete = is_complete && *done;
        }
        if (is_complete) return all;
        log.notice("try again to bind() after 500ms");
        const timespec pause{0, kPauseNanoseconds};
        ::nanosleep(&pause, nullptr);
    }
    log.emerg(0, "still could not bind()");
    return Error("");
}

Result<void> try_to_bind(std::span<event::Service* const> services, const Log& log) {
    bool is_good = true;
    for (const Bound& bound : list_bindings(services, 0)) {
        const event::SocketAddress& address = bound.binding->address;
        Result<UniqueFd> opened = event::open_listening_socket(address, bound.binding->options);
        if (opened) {
            if (address.is_unix()) remove_socket_file(address);
            continue;
        }
        if (opened.error().number == EADDRINUSE) continue;
        log.emerg(opened.error().number, opened.error().text);
        is_good = false;
    }
    return is_good ? Result<void>{} : Result<void>(Error(""));
}

}  // namespace sluice::cycle
