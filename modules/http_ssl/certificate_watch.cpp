// Watching certificates, in the master: it may read keys that workers may not. A certificate and its key are written
// one after the other, so a change is taken up when the files have been quiet for a while and fit together.
//
//   same ──a file has changed──▶ changing ──quiet──▶ tried ──good──▶ same, and new workers
//                                   ▲                  │ not good, and still quiet: said once; the old one stays
//                                   └──changed again───┘
#include "certificate_watch.h"

#include <algorithm>
#include <vector>

#include <sluice/core/conf/watch.h>
#include <sluice/http/conf/tree.h>

#include "build.h"
#include "certificate.h"
#include "context_parts.h"
#include "handshake.h"
#include "server_tls.h"

namespace sluice::tls {

namespace {

/// Looks without a change before files are taken up, and before it is said why they are not.
constexpr unsigned kQuiet = 1;
constexpr unsigned kPatience = 3;

using Identities = std::vector<FileIdentity>;

struct Watched {
    ServerConf* conf;
    std::vector<std::string> files;
    Identities in_use;
    Identities seen;     ///< at the last look
    unsigned quiet = 0;  ///< looks since `seen` has changed
};

Identities identities_of(const std::vector<std::string>& files) {
    Identities all;
    for (const std::string& file : files) all.push_back(FileIdentity::of(file));
    return all;
}

/// Certificates that have their keys. An expired one counts for nothing.
int count_pairs(SSL_CTX* context) {
    int count = 0;
    for (long which = SSL_CERT_SET_FIRST; SSL_CTX_set_current_cert(context, which) == 1; which = SSL_CERT_SET_NEXT)
        if (X509_cmp_current_time(X509_get0_notAfter(SSL_CTX_get0_certificate(context))) > 0) ++count;
    SSL_CTX_set_current_cert(context, SSL_CERT_SET_FIRST);
    return count;
}

class CertificateWatch final : public conf::Watch {
 public:
    CertificateWatch(conf::Parser& parser, shm::Zone& tickets) : parser_(parser), tickets_(tickets) {}

    void add(ServerConf& conf);
    bool is_empty() const { return all_.empty(); }
    bool look(const Log& log) override;

 private:
    bool look_at(Watched& watched, const Log& log);
    Result<void> take_up(ServerConf& conf);

    conf::Parser& parser_;
    shm::Zone& tickets_;
    std::vector<Watched> all_;
};

void CertificateWatch::add(ServerConf& conf) {
    const auto is_this = [&](const Watched& watched) { return watched.conf == &conf; };
    if (std::any_of(all_.begin(), all_.end(), is_this)) return;
    Watched watched{.conf = &conf, .files = {}, .in_use = {}, .seen = {}};
    for (const auto* words : {&*conf.certificates, &*conf.keys})
        for (const VariableWord& word : *words)
            if (word.value.is_constant() && is_file(word.value.source()))
                watched.files.emplace_back(full_source(parser_, word.value.source()));
    if (watched.files.empty()) return;
    watched.seen = watched.in_use = identities_of(watched.files);
    all_.push_back(std::move(watched));
}

bool CertificateWatch::look(const Log& log) {
    bool is_renewed = false;
    for (Watched& watched : all_) is_renewed |= look_at(watched, log);
    return is_renewed;
}

/// Everything is built anew: another kind of key makes another context.
Result<void> CertificateWatch::take_up(ServerConf& conf) {
    const ServerTls* const before = std::exchange(conf.tls, nullptr);
    Result<void> built = build_tls(parser_, conf, tickets_);
    if (built && count_pairs(conf.tls->context.get()) < count_pairs(before->context.get()))
        built = Error("a certificate has no key that fits, or has expired");
    if (!built) conf.tls = before;
    return built;
}

bool CertificateWatch::look_at(Watched& watched, const Log& log) {
    Identities now = identities_of(watched.files);
    if (now != watched.seen) {
        watched.seen = std::move(now);
        watched.quiet = 0;
        return false;
    }
    if (watched.quiet >= kPatience || now == watched.in_use) return false;
    if (++watched.quiet != kQuiet && watched.quiet != kPatience) return false;
    const Result<void> done = take_up(*watched.conf);
    for (size_t i = 0; i < now.size(); ++i) {
        if (now[i] == watched.in_use[i]) continue;
        if (done) {
            log.notice("\"", watched.files[i], "\" has changed and is taken up");
        } else if (watched.quiet == kPatience) {
            log.error(0, "\"", watched.files[i],
                      "\" has changed and is not taken up, what was read before stays: ", done.error().text);
        }
    }
    if (done) watched.in_use = std::move(now);
    return done.ok();
}

}  // namespace

void watch_certificates(conf::Parser& parser, http::HttpConf& http, shm::Zone& tickets) {
    auto& watch = *parser.arena().make<CertificateWatch>(parser, tickets);
    for (const auto& server : http.servers) {
        auto* const conf = static_cast<ServerConf*>(server->confs.find(conf::slot_of<ServerConf>()));
        if (conf != nullptr && conf->tls != nullptr && *conf->certificate_watch) watch.add(*conf);
    }
    if (!watch.is_empty()) parser.environment().watches.push_back(&watch);
}

}  // namespace sluice::tls
