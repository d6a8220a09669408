// Choosing a session.
#include "http/session_choice.h"

#include <algorithm>

#include "http/conf/endpoint.h"
#include "http/conf/http_conf.h"
#include "http/module.h"
#include "http/session.h"

namespace sluice::http {

namespace {

bool is_wanted(const SessionType& type, const Address& address) {
    return std::any_of(address.servers.begin(), address.servers.end(),
                       [&](const Server* server) { return type.is_wanted(*server, address); });
}

}  // namespace

void settle_sessions(HttpConf& http) {
    for (const auto& endpoint : http.endpoints)
        for (const auto& address : endpoint->addresses)
            for (const Module* module : http.modules)
                for (const SessionType& type : module->sessions)
                    if (is_wanted(type, *address)) address->sessions.push_back(&type);
}

std::vector<Text> session_names(const Server& server, const Address& address) {
    std::vector<Text> names;
    for (const SessionType* type : address.sessions)
        if (!type->alpn.empty() && type->is_wanted(server, address)) names.push_back(type->alpn);
    return names;
}

const SessionType* find_session(const Address& address, Text alpn) {
    for (const SessionType* type : address.sessions)
        if (!alpn.empty() && type->alpn == alpn) return type;
    return nullptr;
}

bool PrefaceMatch::fits(Text preface, Text before, Text bytes) const {
    if (!preface.starts_with(before) || preface.size() <= before.size()) return false;
    const Text rest = preface.substr(before.size());
    return rest.starts_with(bytes.substr(0, rest.size()));
}

PrefaceMatch::Outcome PrefaceMatch::look(const Address& address, Text bytes) {
    const Text before = seen(address);
    for (size_t i = 0; i < address.sessions.size(); ++i) {
        const Text preface = address.sessions[i]->preface;
        if (!fits(preface, before, bytes)) continue;
        candidate_ = static_cast<uint8_t>(i);
        if (before.size() + bytes.size() >= preface.size()) return Outcome::matched;
        seen_ = static_cast<uint8_t>(before.size() + bytes.size());
        return Outcome::need_more;
    }
    return Outcome::none;
}

Text PrefaceMatch::seen(const Address& address) const {
    return seen_ == 0 ? Text{} : type(address).preface.substr(0, seen_);
}

const SessionType& PrefaceMatch::type(const Address& address) const {
    return *address.sessions[candidate_];
}

}  // namespace sluice::http
