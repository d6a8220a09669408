// Subrequest: a request that another one makes of its own server: a page that is included, a check, a copy sent
// elsewhere. It walks the phases from server_rewrite on (access rules do not apply to it) in its parent's arena, with
// its variables, and lives as long as the main request.
//
//   owner: Subrequest::start(parent, "/header.html", {}, &owner, {});
//            │ next turn of the loop
//            ▼
//   phases ─► content ─► its own filters up to `ssi` ─► owner.on_subrequest_body ─┬─► the parent's output, behind
//   `ssi`
//                                                                                 └─► or what the owner makes of it
//            finished ─► owner.on_subrequest_finished
#pragma once

#include <cstdint>

#include "core/base/list.h"
#include "event/loop.h"
#include "http/request.h"
#include "http/stream.h"

namespace sluice::http {

class Subrequest;

/// Who made a subrequest. Called by the loop only; lives in the main request's arena, or longer than that.
class SubrequestOwner {
 public:
    /// The answer's body as it comes, after `subrequest.request().response` is settled; as Stream::send_body(). It
    /// goes into the parent's output unless the owner does something else with it; the parent's own output must wait
    /// meanwhile (BodyVerdict::wait), so that the order holds.
    virtual OutputState on_subrequest_body(Subrequest& subrequest, event::Chain& body, bool is_last);
    /// It is over; `subrequest.request().response.status` tells how, and Subrequest::has_failed() whether its answer
    /// broke off. Not called any more once the main request has been given up.
    virtual void on_subrequest_finished(Subrequest& subrequest) = 0;

 protected:
    ~SubrequestOwner() = default;
};

struct SubrequestOptions {
    bool wants_body = true;      ///< false: the head is enough, as with HEAD, and no body is passed on (auth_request)
    bool is_background = false;  ///< the client's answer does not depend on it (mirror): it goes on when the client
                                 ///< has gone, and the main request stays until it is over
    /// Method of the parent, and its collected body, instead of GET. Of the others, those that want a body get the
    /// parent's as well if all of it was read before, as in nginx.
    bool is_copy = false;
    bool in_memory = false;  ///< the owner wants bytes, not ranges of files
};

class Subrequest final : public Stream, public ListNode<Subrequest> {
 public:
    /// Requests may lie this deep within each other.
    static constexpr uint8_t kDeepest = 50;

    /// Makes one that begins in the next turn of the loop. `uri` and `args` live in the arena; `owner` may be null. A
    /// null result: too deep, which is logged ("subrequests cycle while processing …").
    static Subrequest* start(Request& parent, Text uri, Text args, SubrequestOwner* owner,
                             const SubrequestOptions& options);

    Subrequest(Request& parent, Text uri, Text args, SubrequestOwner* owner, const SubrequestOptions& options);

    Request& request() { return request_; }
    Request& parent() const { return *request_.parent(); }
    bool is_background() const { return options_.is_background; }
    /// The answer ended before its end, or there is none.
    bool has_failed() const { return has_failed_; }

    // From the requests.
    /// What the parent can't take before its own output has gone; on_output_gone() hands it over then.
    void hold(event::Chain& chain) { held_.splice(chain); }
    /// What on_subrequest_body() called pending has left.
    void on_output_gone();

    // Stream
    OutputState send_head(Request& request, event::Chain& body, bool is_last) override;
    OutputState send_body(Request& request, event::Chain& body, bool is_last) override;
    void send_interim(Request&, uint16_t, const Headers&) override {}
    void start_body(Request&) override {}
    void pause_body(Request&) override {}
    void resume_body(Request&) override {}
    void upgrade(Request& request, Tunnel& tunnel) override;
    void pause_tunnel(Request&, bool) override {}
    void on_finished(Request& request) override;
    void abort(Request& request) override;
    Bytes bytes_sent(const Request& request) const override;
    bool has_pending_output(const Request&) const override { return is_pending_; }

 private:
    void begin();
    void end();

    Request request_;
    SubrequestOwner* owner_;
    event::Task task_;
    event::Chain held_;
    SubrequestOptions options_;
    bool is_pending_ = false;
    bool has_failed_ = false;
};

}  // namespace sluice::http
