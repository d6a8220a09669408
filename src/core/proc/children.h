// Children: the processes that the master started, what they are, and which of them are to be started again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "core/base/units.h"
#include "core/log/log.h"
#include "core/proc/generation.h"

namespace sluice::proc {

enum class ChildKind : uint8_t { worker, helper, new_binary };

/// A place that a process fills: the third worker, the cache manager. A successor inherits it.
struct Place {
    ChildKind kind = ChildKind::worker;
    uint32_t index = 0;         ///< of the worker, or among Generation::helpers()
    uint64_t generation = 0;    ///< number of the generation that it belongs to
    std::string name;           ///< "worker process"
    bool is_replaced = true;    ///< started again when it dies
    unsigned early_deaths = 0;  ///< in a row, each shortly after the start
};

struct Child {
    pid_t pid = 0;
    Place place;
    Msec started;             ///< monotonic
    bool is_leaving = false;  ///< was told to, and is not replaced
    bool is_ready = false;
};

/// A place whose process died and that is filled again later.
struct Vacancy {
    Place place;
    Msec due;
};

class Children {
 public:
    void add(const Child& child) { living_.push_back(child); }
    Child* find(pid_t pid);
    std::vector<Child>& living() { return living_; }
    const std::vector<Child>& living() const { return living_; }
    std::vector<Vacancy>& vacancies() { return vacancies_; }
    const std::vector<Vacancy>& vacancies() const { return vacancies_; }

    /// Sends a signal to all but a new binary; those that were told to leave are not told again.
    /// `is_relieved`: a worker that leaves hears that others serve its clients from now on.
    void signal_all(int number, const Log& log, bool is_relieved = false);
    /// As above, to those of one generation, or (`is_other`) of every other; these are relieved.
    void signal_generation(uint64_t generation, bool is_other, int number, const Log& log);
    /// True when nobody is left but a new binary.
    bool are_gone() const;
    bool has(const Place& place) const;

    /// Takes a dead child out and logs how it ended, in nginx's words. A vacancy is made where it is to be replaced:
    /// at once the first time, later and later for a process that dies as soon as it is started.
    std::optional<Child> bury(pid_t pid, int status, Msec now, const Log& log);
    void drop_vacancies_of(uint64_t generation);

 private:
    void send(Child& child, int number, const Log& log, bool is_relieved);

    std::vector<Child> living_;
    std::vector<Vacancy> vacancies_;
};

/// Monotonic time.
Msec monotonic_now();

}  // namespace sluice::proc
