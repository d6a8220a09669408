// One process without a master.
#include "core/proc/alone.h"

#include <cerrno>

#include "core/base/out_of_memory.h"
#include "core/proc/environment.h"
#include "core/proc/pid_file.h"
#include "core/proc/rehearsal.h"
#include "core/proc/upgrade.h"

namespace sluice::proc {

int Alone::run() {
    on_out_of_memory(
        [](const void* self) {
            static_cast<const Alone*>(self)->current_->log().emerg(ENOMEM, "no memory, this process ends");
        },
        this);
    apply_environment(current_->settings());
    for (;;) {
        drop_zone_descriptors(*current_);
        Worker::Origin origin;
        origin.reloader = this;
        Worker worker(*current_, origin);
        if (!worker.open()) {
            current_->log().emerg(errno, "signalfd() failed");
            return 1;
        }
        const int code = current_->run_worker(worker);
        const bool goes_on = next_ != nullptr && !worker.was_told_to_leave();
        if (next_ != nullptr) change_over();
        if (goes_on) continue;
        remove_pid_file(current_->settings().pid_path, current_->log());
        current_->log().notice("exit");
        sockets_.close_all(current_->log(), true);
        sockets_.look_after(current_->log());
        return code;
    }
}

void Alone::change_over() {
    sockets_.commit(next_->log());
    const std::string previous = current_->settings().pid_path;
    current_ = std::move(next_);
    if (current_->settings().pid_path != previous) remove_pid_file(previous, current_->log());
}

bool Alone::reload() {
    if (next_ != nullptr) return true;
    const Log& log = current_->log();
    log.notice("reconfiguring");
    if (!fits_in_memory(loader_, *current_, log)) return false;
    sockets_.begin();
    Result<std::unique_ptr<Generation>> loaded = loader_.load(sockets_, current_.get());
    if (!loaded) {
        if (!loaded.error().text.empty()) log.emerg(loaded.error().number, loaded.error().text);
        sockets_.roll_back(log);
        return false;
    }
    if (!take_pid_path((*loaded)->settings().pid_path)) {
        sockets_.roll_back(log);
        return false;
    }
    next_ = std::move(*loaded);
    return true;
}

/// Another pid file in the new configuration: it is written now, and the old one removed with the change.
bool Alone::take_pid_path(const std::string& path) {
    if (path == current_->settings().pid_path) return true;
    const Result<void> written = write_pid_file(path);
    if (!written) current_->log().emerg(written.error().number, written.error().text);
    return written.ok();
}

}  // namespace sluice::proc
