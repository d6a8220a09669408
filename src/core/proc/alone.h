// The server without a master (`master_process off`): one process that does everything; for development.
#pragma once

#include <memory>
#include <string>

#include "core/proc/generation.h"
#include "core/proc/listening_sockets.h"
#include "core/proc/worker.h"

namespace sluice::proc {

class Alone final : public Reloader {
 public:
    Alone(Loader& loader, ListeningSockets& sockets, std::unique_ptr<Generation> first)
        : loader_(loader), sockets_(sockets), current_(std::move(first)) {}

    /// Runs workers' bodies, one after the other, until one leaves without a reload. Returns its code.
    int run();
    /// HUP: a new generation takes over as soon as the body returns, which drops its connections.
    bool reload() override;

 private:
    bool take_pid_path(const std::string& path);
    void change_over();

    Loader& loader_;
    ListeningSockets& sockets_;
    std::unique_ptr<Generation> current_;
    std::unique_ptr<Generation> next_;
};

}  // namespace sluice::proc
