// Settings of TLS, as the directives of several families write them: what a client (proxy_ssl_*, grpc_ssl_*, …) has,
// and the types that a server's directives share with it. The rows are in client_family.h.
#pragma once

#include "core/conf/sequence.h"
#include "core/conf/setting.h"
#include "core/conf/value.h"
#include "core/script/complex_value.h"

namespace sluice::event::tls {

/// In the order of their names, and of their age.
enum class Protocol : uint8_t { ssl2, ssl3, tls1, tls11, tls12, tls13 };

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

/// `P_ssl_conf_command NAME VALUE`
struct Command {
    Text name;
    Text value;
    conf::Position at;
};

/// `P_ssl_certificate_cache off | max=N [inactive=time] [valid=time]`: of certificates that only a request names.
struct CacheSettings {
    uint64_t most = 0;     ///< certificates and keys that a worker keeps; 0: off
    Msec inactive{10000};  ///< one that nobody asks for is dropped after this time
    Msec valid{60000};     ///< one is taken for unchanged for this time
};

/// `P_ssl_password_file FILE`: its lines, to be tried in turn.
struct Passwords {
    conf::Sequence<Text> lines;
    bool is_file_given = false;  ///< there may be no lines in it
};

class ClientContext;

/// What a family says about its connections to upstreams.
struct ClientSettings {
    Setting<bool> session_reuse;
    Setting<conf::Flags<Protocol>> protocols;
    Setting<Word> ciphers;
    Setting<script::Complex> name;  ///< unset: the host of the address asked for
    Setting<bool> server_name;      ///< the name is told to the server (SNI, RFC 6066 §3)
    Setting<bool> verify;
    Setting<uint32_t> verify_depth;
    Setting<Word> trusted_certificate;
    Setting<Word> crl;
    Setting<VariableWord> certificate;  ///< a file, or "data:…"
    Setting<VariableWord> certificate_key;
    Setting<CacheSettings> certificate_cache;
    Setting<Passwords> password_file;
    Setting<conf::Sequence<Command>> conf_command;

    /// Which certificate is presented, only a request tells.
    bool has_variable_certificate() const {
        return certificate.is_set() && certificate_key.is_set() &&
               !(certificate->value.is_constant() && certificate_key->value.is_constant());
    }

    // Not directives.
    Text prefix;  ///< "proxy_": messages name directives
    /// Protocols offered in RFC 7301's format, each with its length in front; empty: none. Each location has its own.
    Text alpn;
    /// What locations with the same settings share: see client.h.
    ClientContext* context = nullptr;
};

namespace parse {
Result<void> certificate_cache(conf::Parser& parser, Setting<CacheSettings>& field, conf::Arguments words);
/// Reads the file: `open() "FILE" failed`.
Result<void> password_file(conf::Parser& parser, Setting<Passwords>& field, conf::Arguments words);
}  // namespace parse

}  // namespace sluice::event::tls

namespace sluice::conf {

template <>
struct EnumNames<event::tls::Protocol> {
    static constexpr std::array<Text, 6> names{"SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
};

template <>
struct Value<event::tls::Command> {
    static constexpr Text kSyntax = "name value";
    static constexpr uint8_t kLeastWords = 2;
    static constexpr uint8_t kMostWords = 2;
    static constexpr bool kMayRepeat = true;
    static Result<void> parse(Parser&, const Directive&, Arguments words, event::tls::Command& out) {
        out = {words[0].text, words[1].text, words[0].at};
        return {};
    }
};

template <>
struct Value<event::tls::Word> : OneWord {
    static constexpr Text kSyntax = "text";
    static Result<void> parse(Parser&, const Directive&, Arguments words, event::tls::Word& out) {
        out = {words[0].text, words[0].at};
        return {};
    }
};

template <>
struct Value<event::tls::VariableWord> : OneWord {
    static constexpr Text kSyntax = "file";
    static Result<void> parse(Parser& parser, const Directive&, Arguments words, event::tls::VariableWord& out) {
        Result<script::Complex> value = script::Complex::compile(parser, words[0]);
        if (!value) return value.error();
        out = {*value, words[0].at};
        return {};
    }
};

}  // namespace sluice::conf
