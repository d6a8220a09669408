// CollectedAnswer: the owner of a subrequest whose answer a module wants as bytes, to work with them: a value to be
// set, a document to be parsed. It holds as much as `subrequest_output_buffer_size` allows where the subrequest ends
// up.
//
//   class Lookup final : public http::CollectedAnswer { void on_collected(http::Subrequest&) override; … };
//   auto* lookup = arena.make<Lookup>(…);
//   lookup->start(request, "/lookup", {}, {});
#pragma once

#include <span>

#include "http/subrequest.h"

namespace sluice::http {

class CollectedAnswer : public SubrequestOwner {
 public:
    /// As Subrequest::start(), with an answer that goes nowhere else. One at a time.
    Subrequest* start(Request& parent, Text uri, Text args, SubrequestOptions options);

    /// What has come of the body; lives as long as the main request.
    Text body() const { return {memory_.data(), size_}; }

    // SubrequestOwner
    OutputState on_subrequest_body(Subrequest& subrequest, event::Chain& body, bool is_last) final;
    void on_subrequest_finished(Subrequest& subrequest) final;

 protected:
    ~CollectedAnswer() = default;
    /// The answer is there: its status is that of `subrequest.request().response`. Where has_failed(), body() is not
    /// all of it: it broke off, or was larger than allowed, which is logged.
    virtual void on_collected(Subrequest& subrequest) = 0;

 private:
    bool make_room(Request& request);

    std::span<char> memory_;
    size_t size_ = 0;
};

}  // namespace sluice::http
