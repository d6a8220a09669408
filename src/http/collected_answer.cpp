// CollectedAnswer.
#include "http/collected_answer.h"

#include <algorithm>

#include "http/conf/location_conf.h"

namespace sluice::http {

Subrequest* CollectedAnswer::start(Request& parent, Text uri, Text args, SubrequestOptions options) {
    options.in_memory = true;
    size_ = 0;
    return Subrequest::start(parent, uri, args, this, options);
}

/// What the answer announces, or all that it may have: an arena's memory does not grow. False: it announces more.
bool CollectedAnswer::make_room(Request& request) {
    const int64_t most = request.conf<LocationConf>().subrequest_output_buffer_size->count;
    const int64_t announced = request.response.content_length;
    if (announced > most) {
        request.log().error(0, "too big subrequest response: ", announced);
        return false;
    }
    const auto wanted = static_cast<size_t>(announced >= 0 ? announced : most);
    if (memory_.size() < wanted) memory_ = request.arena().make_bytes(wanted);
    return true;
}

OutputState CollectedAnswer::on_subrequest_body(Subrequest& subrequest, event::Chain& body, bool) {
    Request& request = subrequest.request();
    bool has_room = size_ != 0 || make_room(request);
    if (has_room && static_cast<size_t>(body.size()) > memory_.size() - size_) {
        has_room = false;
        request.log().error(0, "too big subrequest response");
    }
    if (!has_room) {
        body.clear();
        request.finish(502);
        return OutputState::failed;
    }
    for (const event::Buffer* piece = body.head(); piece != nullptr; piece = piece->next) {
        std::copy(piece->begin, piece->end, memory_.begin() + static_cast<std::ptrdiff_t>(size_));
        size_ += static_cast<size_t>(piece->size());
    }
    body.clear();
    return OutputState::sent;
}

void CollectedAnswer::on_subrequest_finished(Subrequest& subrequest) {
    on_collected(subrequest);
}

}  // namespace sluice::http
