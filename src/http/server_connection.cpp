// ServerConnection.
#include "http/server_connection.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include <netinet/tcp.h>
#include <sys/socket.h>

#include "core/log/line_parts.h"
#include "http/conf/http_conf.h"
#include "http/conf/location_conf.h"
#include "http/conf/server_conf.h"
#include "http/h1/session.h"
#include "http/security.h"
#include "http/worker.h"

namespace sluice::http {

ServerConnection::ServerConnection(Worker& worker, const Endpoint& endpoint, event::Accepted&& accepted)
    : worker_(worker),
      connection_(worker.loop(), *this),
      address_(&endpoint.address_of(accepted.fd.get())),
      server_(address_->default_server),
      session_(std::make_unique<h1::Session>(*this)),
      timer_(event::Timer::call<&ServerConnection::on_timer>, this),
      log_(*server_->root.core->error_log),
      accepted_at_(worker.loop().now()),
      peer_(accepted.peer) {
    log_.set_connection(worker.next_connection_number());
    log_.set_context(this);
    log_.set_debugged(worker.is_debugged(accepted.peer));
    worker_.add(*this);
    SLUICE_LOG_DEBUG(log_, "accepted connection, fd: ", accepted.fd.get());
    if (address_->flags.wants_proxy_protocol) {
        proxy_ = std::make_unique<ProxyProtocol>();
        is_in_prelude_ = true;
    } else {
        begin();
    }
    connection_.open(std::move(accepted.fd));
}

ServerConnection::~ServerConnection() {
    worker_.remove(*this);
}

void ServerConnection::start() {
    start_timer(*server_->core->client_header_timeout);
    await_request();
    if (worker_.is_shutting_down()) shut_down();  // it was on its way when the listeners stopped
}

const HttpConf& ServerConnection::http() const {
    return worker_.http();
}

const event::SocketAddress& ServerConnection::local() {
    if (local_ == nullptr) {
        local_ = std::make_unique<event::SocketAddress>(address_->address);
        socklen_t length = event::SocketAddress::capacity();
        if (local_->is_wildcard() && ::getsockname(connection_.fd(), local_->get(), &length) == 0)
            local_->set_length(length);
    }
    return *local_;
}

void ServerConnection::change_no_delay(bool on) {
    const int value = on ? 1 : 0;
    is_no_delay_ = on;
    if (address_->address.is_unix()) return;
    if (::setsockopt(connection_.fd(), IPPROTO_TCP, TCP_NODELAY, &value, sizeof value) != 0)
        log_.write(LogLevel::alert, errno, "setsockopt(TCP_NODELAY) failed");
}

void ServerConnection::set_server(const Server& server) {
    server_ = &server;
    log_.set_route(*server.root.core->error_log);
}

/// No PROXY header, or none any more, stands in front of TLS, or of the session. Where TLS is spoken, the handshake
/// chooses the session.
void ServerConnection::begin() {
    is_in_prelude_ = !address_->sessions.empty() && !address_->flags.is_ssl;
    if (!address_->flags.is_ssl) return;
    secure_ = http().security->secure(*this);
    connection_.set_transport(secure_.get());
}

Text ServerConnection::choose_protocol(Text offered) const {
    std::vector<Text> spoken = session_names(*server_, *address_);
    for (const Text name : {"http/1.1", "http/1.0", "http/0.9"}) spoken.push_back(name);
    for (const Text name : spoken)
        for (Text rest = offered; !rest.empty();) {
            const auto length = static_cast<unsigned char>(rest.front());
            if (rest.substr(1, length) == name) return name;
            rest.remove_prefix(std::min<size_t>(rest.size(), size_t{1} + length));
        }
    return {};
}

void ServerConnection::on_secured() {
    if (const SessionType* type = find_session(*address_, secure_->protocol())) session_ = type->make(*this);
    start_timer(*server_->core->client_header_timeout);
    await_request();
    if (worker_.is_shutting_down()) session_->shut_down();
}

void ServerConnection::on_handshake_failed(const Error& error) {
    log_.write(level_of(error), error.number, error.text);
    close(false);
}

/// The session answers such a client that it is at the wrong door.
void ServerConnection::on_not_secure(event::Received& raw) {
    is_plain_ = true;
    connection_.set_transport(nullptr);
    session_->on_received(raw);
}

void ServerConnection::on_peer_closed() {
    if (!is_shaking_hands()) return session_->on_peer_closed();
    log_.info(is_silent() ? "client closed connection" : "peer closed connection in SSL handshake");
    close(false);
}

void ServerConnection::on_failed(const Error& error) {
    if (!is_shaking_hands()) return session_->on_failed(error);
    log_.write(LogLevel::info, error.number,
               is_silent() ? Text(error.text) : Text("peer closed connection in SSL handshake"));
    close(false);
}

bool ServerConnection::may_persist(const LocationConf& core) const {
    return core.keepalive_timeout->timeout.count > 0 && !worker_.is_shutting_down() &&
           requests < *core.keepalive_requests && loop().now() - accepted_at_ < *core.keepalive_time;
}

// A connection that has not asked for anything yet was opened to do so; one that was told to stay, by a response that
// began before, may be about to ask again.
Msec ServerConnection::grace() const {
    constexpr Msec kFirstRequest{1000};
    const Msec grace = std::max(worker_.grace(), *server_->root.core->keepalive_min_timeout);
    return requests == 0 ? std::max(grace, kFirstRequest) : grace;
}

void ServerConnection::become_idle(Msec timeout) {
    SLUICE_LOG_DEBUG(log_, "keeping connection for ", timeout.count, " ms");
    worker_.add_idle(*this);
    start_timer(timeout);
}

void ServerConnection::await_request() {
    worker_.add_silent(*this);
}

void ServerConnection::become_busy() {
    if (!is_idle()) return;
    static_cast<ListNode<IdleTag>&>(*this).unlink();
    worker_.on_busy();
}

void ServerConnection::on_timer() {
    if (is_reading_proxy_header() || is_shaking_hands()) {
        log_.write(LogLevel::info, ETIMEDOUT, "client timed out");
        close(false);
        return;
    }
    session_->on_timer();
}

void ServerConnection::close(bool resets) {
    if (!connection_.is_open()) return;
    become_busy();
    timer_.disarm();
    if (resets) {
        connection_.abort();
    } else {
        connection_.close();
    }
    loop().bury(this);
}

void ServerConnection::shut_down() {
    if (!is_shaking_hands()) session_->shut_down();
}

void ServerConnection::give_up() {
    if (is_idle() || is_shaking_hands() || is_reading_proxy_header()) return close(false);
    Error why("worker_shutdown_timeout is over");
    why.source = ErrorSource::client;
    session_->on_failed(why);
}

void ServerConnection::describe_peer(TextBuilder& line) const {
    const size_t begin = line.text().size();
    line.add(", client: ");
    const size_t host = line.text().size();
    peer_.write_host(line);
    log::note_field("client", begin, line.text().substr(host));
}

void ServerConnection::read_prelude(event::Received& received) {
    become_busy();
    if (is_reading_proxy_header()) {
        read_proxy_header(received);
    } else {
        choose_session(received);
    }
}

void ServerConnection::choose_session(event::Received& received) {
    const Text before = preface_.seen(*address_);
    const PrefaceMatch::Outcome outcome = preface_.look(*address_, received.bytes());
    if (outcome == PrefaceMatch::Outcome::need_more) return;
    is_in_prelude_ = false;
    if (outcome == PrefaceMatch::Outcome::matched) session_ = preface_.type(*address_).make(*this);
    if (!before.empty()) pass_on(received, before);
    if (connection_.is_open()) session_->on_received(received);
}

/// To the session, bytes that lie elsewhere; it may keep the buffer.
void ServerConnection::pass_on(event::Received& received, Text bytes) {
    const event::BufferHold hold = received.take();
    event::Received other(hold.buffer(), bytes);
    if (secure_ != nullptr) {
        secure_->on_raw_received(connection_, other);
    } else {
        on_received(other);
    }
}

void ServerConnection::read_proxy_header(event::Received& received) {
    const size_t before = proxy_->bytes.size();
    proxy_->bytes.append(received.bytes());
    proxy_->header = {};
    const ProxyParse parsed = parse_proxy_header(proxy_->bytes, proxy_->header);
    if (parsed.outcome == ProxyParse::Outcome::need_more) return;
    if (parsed.outcome == ProxyParse::Outcome::broken) {
        refuse_proxy_header(proxy_->bytes, parsed);
        return;
    }
    proxy_->is_read = true;
    proxy_->size = parsed.size;
    proxy_->bytes = {};
    begin();
    const Text rest = received.bytes().substr(parsed.size - before);
    if (rest.empty()) return await_request();
    pass_on(received, rest);
}

void ServerConnection::refuse_proxy_header(Text seen, const ProxyParse& why) {
    if (why.version != 0) {
        log_.error(0, "unknown PROXY protocol version: ", why.version);
    } else if (!why.complaint.empty()) {
        log_.error(0, why.complaint);
    } else {
        log_.error(0, "broken header: \"", seen.substr(0, seen.find_first_of("\r\n")), "\"");
    }
    close(false);
}

void ServerConnection::describe(TextBuilder& line) const {
    if (is_reading_proxy_header()) {
        line.add(" while reading PROXY protocol");
    } else if (is_shaking_hands()) {
        line.add(" while SSL handshaking");
    } else {
        session_->describe(line);
    }
    describe_peer(line);
    log::add_field(line, "server", address_->text);
}

}  // namespace sluice::http
