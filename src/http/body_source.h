// What a request calls back while it is answered: whoever makes the body, and whoever waits for something.
#pragma once

namespace sluice::http {

class Request;

/// A content producer that outputs a piece at a time.
class BodySource {
 public:
    /// All that was output has left: produce more with Request::output, or return and output later.
    virtual void pull(Request& request) = 0;

 protected:
    ~BodySource() = default;
};

/// Told when the client is gone or the request ends early; registered for as long as a handler waits for something.
class Waiter {
 public:
    virtual void on_client_gone(Request& request) = 0;

 protected:
    ~Waiter() = default;
};

}  // namespace sluice::http
