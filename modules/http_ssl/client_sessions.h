// ClientSessions: TLS sessions with upstreams that the next connection to the same one resumes; per worker.
#pragma once

#include <string>
#include <unordered_map>

#include <sluice/core/base/list.h>
#include <sluice/core/base/text.h>

#include "openssl.h"

namespace sluice::tls {

class ClientSessions {
 public:
    /// Upstreams whose session is kept: names from variables may be any number. The one used longest ago makes room.
    static constexpr size_t kMost = 1024;

    ClientSessions() = default;
    ClientSessions(const ClientSessions&) = delete;

    /// The last session under this key, or null. It stays here.
    SSL_SESSION* find(const std::string& key);
    /// Takes the place of an earlier one.
    void keep(const std::string& key, UniqueSession session);

 private:
    struct Entry : ListNode<> {
        UniqueSession session;
        const std::string* key = nullptr;
    };

    std::unordered_map<std::string, Entry> by_key_;
    List<Entry> by_use_;  ///< last used first
};

}  // namespace sluice::tls
