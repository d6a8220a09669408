// Result<T>: a value, or the sourced Error that explains why there is none.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "core/base/text.h"

namespace sluice {

/// Whose fault a failure is; decides log level and retry.
enum class ErrorSource : uint8_t {
    client,    ///< the peer that asked: logged at `info`
    upstream,  ///< the server we asked: logged at `error`, maybe retried
    internal,  ///< this machine or its configuration
};

/// Why a call failed. Texts follow nginx's wording where tools parse it.
struct Error {
    std::string text;  ///< complete sentence without final stop
    int number = 0;    ///< errno, 0 when no system call failed
    ErrorSource source = ErrorSource::internal;
    bool may_retry = false;  ///< another peer might succeed

    explicit Error(Text what, int errno_value = 0) : text(what), number(errno_value) {}
    explicit Error(const char* what, int errno_value = 0) : text(what), number(errno_value) {}
    Error(std::string&& what, int errno_value = 0) : text(std::move(what)), number(errno_value) {}
};

template <class T>
class [[nodiscard]] Result {
 public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }

    /// The value; only when ok().
    T& operator*() { return *std::get_if<0>(&state_); }
    const T& operator*() const { return *std::get_if<0>(&state_); }
    T* operator->() { return std::get_if<0>(&state_); }
    const T* operator->() const { return std::get_if<0>(&state_); }

    /// The error; only when not ok().
    Error& error() { return *std::get_if<1>(&state_); }
    const Error& error() const { return *std::get_if<1>(&state_); }

 private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
    Result() : error_(Text{}), failed_(false) {}
    Result(Error error) : error_(std::move(error)), failed_(true) {}

    bool ok() const { return !failed_; }
    explicit operator bool() const { return ok(); }
    Error& error() { return error_; }
    const Error& error() const { return error_; }

 private:
    Error error_;
    bool failed_;
};

}  // namespace sluice
