// ClientSessions.
#include "client_sessions.h"

namespace sluice::tls {

SSL_SESSION* ClientSessions::find(const std::string& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    Entry& entry = found->second;
    by_use_.push_front(entry);
    return entry.session.get();
}

void ClientSessions::keep(const std::string& key, UniqueSession session) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end() && by_key_.size() >= kMost) by_key_.erase(by_key_.find(*by_use_.back().key));
    const auto place = found != by_key_.end() ? found : by_key_.try_emplace(key).first;
    Entry& entry = place->second;
    entry.session = std::move(session);
    entry.key = &place->first;
    by_use_.push_front(entry);
}

}  // namespace sluice::tls
