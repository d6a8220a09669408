// ssl_certificate_cache: certificates and keys whose names hold variables, kept between handshakes.
//   ssl_certificate_cache max=1000 inactive=20s valid=1m;
#pragma once

#include <list>
#include <string>
#include <unordered_map>

#include <sluice/core/base/units.h>

#include "certificate.h"
#include "conf.h"

namespace sluice::tls {

/// Of a worker, for one server block. Least recently used ones go first.
class CertificateCache {
 public:
    explicit CertificateCache(const CacheSettings& settings) : settings_(settings) {}

    /// What load_certificate() or load_key() would return; owned here until the next call.
    Result<const Certificate*> certificate(Text source, Msec now);
    Result<EVP_PKEY*> key(Text source, std::span<const std::string> passwords, Msec now);

 private:
    struct Entry {
        std::string source;
        FileIdentity file;
        Certificate certificate;  ///< empty for a key
        UniqueKey key;
        Msec used_at;
        Msec checked_at;
    };
    using Entries = std::list<Entry>;

    Entry* find(const std::string& name, Text source, Msec now);
    Entry& insert(const std::string& name, Text source, Msec now);
    void drop(Entries::iterator entry);
    void make_room(Msec now);

    const CacheSettings settings_;
    Entries entries_;  ///< the one used last in front
    std::unordered_map<std::string, Entries::iterator> by_name_;
};

}  // namespace sluice::tls
