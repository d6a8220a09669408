// What is done to a response before any session writes its head.
#pragma once

namespace sluice::http {

class Request;

/// Takes away what a response of its status does not have, and makes Location absolute. Neither Location nor the type
/// has line breaks afterwards. True if Location was a path.
bool complete_head(Request& request);

}  // namespace sluice::http
