// A toy server around core/proc: the unit test program, executed again with --toy=FOLDER, loads FOLDER/conf and
// serves lines of text. Tests drive it from outside by signals and connections.
//   workers 2         daemon on        listen PATH      text ANSWER     exit_at_start CODE    crash_at_start
//   helper            never_ready      stuck            bad REASON      pid FILE              and more, see toy.cpp
//
// A client's lines: "hello" → "PID TEXT"; "begin" … "end" → "ended PID" (a request that takes its time); "exit CODE";
// "env NAME" → its value.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "core/base/unique_fd.h"
#include "core/log/fixture.h"

namespace sluice::proc::test {

/// Waits until `condition` holds; false after ten seconds.
bool wait_until(const std::function<bool()>& condition);

/// A connection to a toy worker.
class Client {
 public:
    explicit Client(const std::string& path);
    bool is_connected() const { return is_connected_; }
    void send(const std::string& line);
    /// Sends a line and returns the answer; "" when the connection was closed.
    std::string ask(const std::string& line);
    /// The next line; "" when the connection was closed, "timeout" after ten seconds.
    std::string receive();

 private:
    UniqueFd fd_;
    bool is_connected_ = false;
};

/// One server with a folder of its own, stopped when the test ends.
class Toy {
 public:
    Toy() = default;
    ~Toy();
    Toy(const Toy&) = delete;

    /// Writes the configuration; every toy listens at FOLDER/socket.
    void configure(const std::string& lines);
    /// Starts it and waits until it answers.
    void start(const std::string& lines);
    /// Starts it and waits for nothing.
    void launch(const std::string& lines);
    /// Starts it and returns the exit code of the command, which must end by itself.
    int start_and_wait(const std::string& lines);

    /// The master: what the pid file says.
    pid_t master() const { return read_pid("pid"); }
    pid_t read_pid(const std::string& name) const;
    /// Waits until the pid file names another master than `previous`, and says which; 0: none came.
    pid_t master_after(pid_t previous) const;
    void signal(int number, pid_t to = 0) const;
    /// Processes whose parent is `parent` (the master by default).
    std::vector<pid_t> children(pid_t parent = 0) const;
    std::vector<pid_t> workers(pid_t parent = 0) const;
    bool waits_for_workers(size_t count, pid_t parent = 0) const;
    /// "TEXT" of "PID TEXT".
    std::string text() const;
    std::string socket() const { return folder.path("socket"); }
    std::string log() const { return folder.read("error.log"); }
    bool logs(const std::string& part) const;
    size_t count_in_log(const std::string& part) const;
    /// Waits for the end of the process that was started; its exit code, or -signal.
    int wait_for_end();

    log::test::Folder folder;
    pid_t started = 0;
    std::vector<std::string> environment;  ///< of the process that is started

 private:
    void spawn();
};

/// "State:"-like lines of /proc/PID/status, or the command line of a process.
std::string title_of(pid_t pid);
bool is_alive(pid_t pid);

}  // namespace sluice::proc::test
