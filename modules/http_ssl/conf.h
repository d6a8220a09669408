// The settings of a server's TLS, as its directives say them.
#pragma once

#include <array>

#include <sluice/core/conf/directive.h>
#include <sluice/core/conf/sequence.h>
#include <sluice/core/script/complex_value.h>
#include <sluice/core/shm/zone.h>

#include "server_tls.h"

namespace sluice::tls {

/// A word of the configuration and its place, for errors that are found when all is read.
struct Word {
    Text text;
    conf::Position at;
};

/// As Word, of something that may hold variables.
struct VariableWord {
    script::Complex value;
    conf::Position at;
};

/// `ssl_conf_command NAME VALUE;`
struct Command {
    Text name;
    Text value;
    conf::Position at;
};

enum class Protocol : uint8_t { ssl2, ssl3, tls1, tls11, tls12, tls13 };
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

/// `ssl_certificate_cache off | max=N [inactive=time] [valid=time]`
struct CacheSettings {
    uint64_t most = 0;  ///< entries; 0: off
    Msec inactive{10000};
    Msec valid{60000};
};

struct ServerConf {
    Setting<conf::Sequence<VariableWord>> certificates;
    Setting<conf::Sequence<VariableWord>> keys;
    Setting<Word> password_file;
    Setting<CacheSettings> certificate_cache;
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
    Setting<bool> early_data;
    Setting<bool> reject_handshake;
    Setting<conf::Sequence<Command>> commands;

    // Not directives.
    const ServerTls* tls = nullptr;  ///< null: nothing here asks for TLS
};

}  // namespace sluice::tls

namespace sluice::conf {

template <>
struct EnumNames<tls::Protocol> {
    static constexpr std::array<Text, 6> names{"SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
};

template <>
struct EnumNames<tls::VerifyClient> {
    static constexpr std::array<Text, 4> names{"off", "on", "optional", "optional_no_ca"};
};

template <>
struct Value<tls::Word> : OneWord {
    static constexpr Text kSyntax = "text";
    static Result<void> parse(Parser&, const Directive&, Arguments words, tls::Word& out) {
        out = {words[0].text, words[0].at};
        return {};
    }
};

template <>
struct Value<tls::VariableWord> : OneWord {
    static constexpr Text kSyntax = "file";
    static Result<void> parse(Parser& parser, const Directive&, Arguments words, tls::VariableWord& out) {
        Result<script::Complex> value = script::Complex::compile(parser, words[0]);
        if (!value) return value.error();
        out = {*value, words[0].at};
        return {};
    }
};

template <>
struct Value<tls::Command> {
    static constexpr Text kSyntax = "name value";
    static constexpr uint8_t kLeastWords = 2;
    static constexpr uint8_t kMostWords = 2;
    static constexpr bool kMayRepeat = true;
    static Result<void> parse(Parser&, const Directive&, Arguments words, tls::Command& out) {
        out = {words[0].text, words[1].text, words[0].at};
        return {};
    }
};

}  // namespace sluice::conf
