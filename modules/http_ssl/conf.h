// The settings of a server's TLS, as its directives say them.
#pragma once

#include <array>

#include <sluice/core/conf/directive.h>
#include <sluice/core/shm/zone.h>
#include <sluice/event/tls/settings.h>

#include "server_tls.h"

namespace sluice::tls {

using event::tls::CacheSettings;
using event::tls::Command;
using event::tls::Passwords;
using event::tls::Protocol;
using event::tls::VariableWord;
using event::tls::Word;

struct Responder;

enum class Ocsp : uint8_t { off, on, leaf };
enum class VerifyClient : uint8_t { off, on, optional, optional_no_ca };

/// `ssl_session_cache`
struct SessionCache {
    enum class Kind : uint8_t {
        off,      ///< sessions are refused in so many words
        none,     ///< they are taken, and never found
        builtin,  ///< one of OpenSSL's in each worker
        shared,   ///< a zone, behind one in the worker if `has_builtin`
    };
    Kind kind = Kind::none;
    bool has_builtin = false;
    int64_t builtin_size = -1;  ///< sessions; -1: OpenSSL's own number
    shm::Zone* zone = nullptr;
};

struct ServerConf {
    Setting<conf::Sequence<VariableWord>> certificates;
    Setting<conf::Sequence<VariableWord>> keys;
    Setting<Passwords> password_file;
    Setting<CacheSettings> certificate_cache;
    Setting<bool> certificate_watch;
    Setting<bool> certificate_compression;
    Setting<Word> ech_file;
    Setting<conf::Flags<Protocol>> protocols;
    Setting<Word> ciphers;
    Setting<bool> prefer_server_ciphers;
    Setting<Word> curves;
    Setting<Word> dhparam;
    Setting<Bytes> buffer_size;
    Setting<VerifyClient> verify_client;
    Setting<uint32_t> verify_depth;
    Setting<Word> client_certificate;
    Setting<Word> trusted_certificate;
    Setting<Word> crl;
    Setting<SessionCache> session_cache;
    Setting<bool> session_tickets;
    Setting<conf::Sequence<Word>> ticket_keys;
    Setting<Seconds> session_timeout;
    Setting<Ocsp> ocsp;
    Setting<Word> ocsp_responder;
    Setting<shm::Zone*> ocsp_cache;
    Setting<bool> stapling;
    Setting<Word> stapling_file;
    Setting<Word> stapling_responder;
    Setting<bool> stapling_verify;
    Setting<bool> early_data;
    Setting<bool> reject_handshake;
    Setting<conf::Sequence<Command>> commands;

    // Not directives.
    const ServerTls* tls = nullptr;  ///< null: nothing here asks for TLS
    const Responder* ocsp_responder_found = nullptr;
};

}  // namespace sluice::tls

namespace sluice::conf {

template <>
struct EnumNames<tls::Ocsp> {
    static constexpr std::array<Text, 3> names{"off", "on", "leaf"};
};

template <>
struct EnumNames<tls::VerifyClient> {
    static constexpr std::array<Text, 4> names{"off", "on", "optional", "optional_no_ca"};
};

}  // namespace sluice::conf
