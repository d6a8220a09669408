// OcspFetch.
#include "ocsp_fetch.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

#include <openssl/evp.h>

namespace sluice::tls {

namespace {

constexpr Msec kTimeout{60000};
constexpr size_t kLargestAnswer = 64 * 1024;

/// Base64, with what means something in a URI escaped (RFC 6960 §A.1).
std::string encode(const std::string& der) {
    std::string plain(4 * (der.size() / 3 + 1) + 1, '\0');
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(plain.data()),
                        reinterpret_cast<const unsigned char*>(der.data()), static_cast<int>(der.size()));
    plain.resize(static_cast<size_t>(size));
    std::string escaped;
    for (const char c : plain) {
        if (c == '+') {
            escaped += "%2B";
        } else if (c == '/') {
            escaped += "%2F";
        } else if (c == '=') {
            escaped += "%3D";
        } else {
            escaped += c;
        }
    }
    return escaped;
}

std::string lower(Text text) {
    std::string made(text);
    for (char& c : made) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return made;
}

/// The value of a field of a head in lower case; empty when it is not there.
Text field(Text head, Text name) {
    const size_t at = head.find(name);
    if (at == Text::npos) return {};
    Text value = head.substr(at + name.size());
    value = value.substr(0, value.find('\r'));
    while (value.starts_with(' ')) value.remove_prefix(1);
    return value;
}

/// Of this worker.
List<OcspFetch, OcspFetch>& under_way() {
    static List<OcspFetch, OcspFetch> all;
    return all;
}

}  // namespace

std::string to_text(const Error& error) {
    if (error.number == 0) return error.text;
    return error.text + " (" + std::to_string(error.number) + ": " + std::strerror(error.number) + ")";
}

void cancel_fetches() {
    while (!under_way().empty()) under_way().front().finish(Error(""));
}

OcspFetch::OcspFetch(event::Loop& loop, const Responder& responder, OcspReceiver& receiver)
    : responder_(responder),
      receiver_(&receiver),
      connection_(loop, *this),
      timer_(event::Timer::call<&OcspFetch::on_timer>, this),
      start_(event::Task::call<&OcspFetch::on_start>, this) {}

OcspFetch* OcspFetch::start(event::Loop& loop, const Responder& responder, const std::string& request,
                            OcspReceiver& receiver) {
    auto* const made = new OcspFetch(loop, responder, receiver);
    made->request_ = "GET " + responder.path + (responder.path.ends_with('/') ? "" : "/") + encode(request) +
                     " HTTP/1.0\r\nHost: " + responder.host + "\r\n\r\n";
    made->timer_.arm(loop, kTimeout);
    loop.defer(made->start_);
    under_way().push_back(*made);
    return made;
}

void OcspFetch::on_start() {
    connect();
}

void OcspFetch::cancel() {
    receiver_ = nullptr;
    finish(Error("cancelled"));
}

/// The next address, when one does not answer.
void OcspFetch::connect() {
    while (address_ < responder_.addresses.size()) {
        const Result<void> begun = connection_.connect(responder_.addresses[address_++], {});
        if (begun) return;
    }
    finish(Error("no OCSP responder could be reached at \"" + responder_.host + "\""));
}

void OcspFetch::on_connected() {
    event::Chain chain;
    chain.add(arena_, request_);
    if (connection_.send(chain) == event::SendState::failed)
        finish(Error("send() to OCSP responder failed", connection_.send_error()));
}

bool OcspFetch::is_complete() const {
    const size_t end = answer_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::string head = lower(Text(answer_).substr(0, end + 2));
    const std::optional<uint64_t> length = text::parse_uint(field(head, "\r\ncontent-length:"));
    return length && answer_.size() - end - 4 >= *length;
}

void OcspFetch::on_received(event::Received& received) {
    answer_ += received.bytes();
    if (answer_.size() > kLargestAnswer) return finish(Error("OCSP responder sent too much"));
    if (is_complete()) finish(parse());
}

void OcspFetch::on_peer_closed() {
    finish(parse());
}

void OcspFetch::on_failed(const Error& error) {
    connection_.close();
    if (answer_.empty() && address_ < responder_.addresses.size()) return connect();
    finish(error);
}

void OcspFetch::on_timer() {
    finish(Error("OCSP responder timed out", ETIMEDOUT));
}

Result<std::string> OcspFetch::parse() const {
    const size_t end = answer_.find("\r\n\r\n");
    if (end == std::string::npos) return Error("OCSP responder prematurely closed connection");
    const std::string head = lower(Text(answer_).substr(0, end + 2));
    if (!head.starts_with("http/1.") || head.substr(8, 4) != " 200")
        return Error("OCSP responder sent invalid response: \"" + answer_.substr(0, answer_.find('\r')) + "\"");
    if (!field(head, "\r\ncontent-type:").starts_with("application/ocsp-response"))
        return Error("OCSP responder sent invalid \"Content-Type\" header");
    std::string body = answer_.substr(end + 4);
    if (const std::optional<uint64_t> length = text::parse_uint(field(head, "\r\ncontent-length:"))) {
        if (body.size() < *length) return Error("OCSP responder prematurely closed connection");
        body.resize(*length);
    }
    return body;
}

void OcspFetch::finish(Result<std::string> answer) {
    if (is_over_) return;
    is_over_ = true;
    timer_.disarm();
    start_.unlink();
    ListNode<OcspFetch>::unlink();
    connection_.close();
    connection_.loop().bury(this);
    if (receiver_ != nullptr) receiver_->on_answer(std::move(answer));
}

}  // namespace sluice::tls
