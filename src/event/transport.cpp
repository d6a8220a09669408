// Transport: the way back into the connection.
#include "event/transport.h"

#include "event/socket_writer.h"

namespace sluice::event {

void Transport::deliver(Connection& connection, Received& plain) {
    if (!connection.is_open()) return;
    if (connection.is_paused_) {
        connection.keep(plain, true);
    } else {
        connection.handler_->on_received(plain);
    }
}

SendState Transport::send_raw(Connection& connection, Chain& wire) {
    return connection.send_raw(wire);
}

void Transport::tell_sent(Connection& connection) {
    if (!connection.is_sending_) return;
    connection.is_sending_ = false;
    connection.handler_->on_sent();
}

void Transport::tell_peer_closed(Connection& connection) {
    if (connection.closed_told_ || connection.is_failed_ || !connection.is_open()) return;
    connection.end_is_announced_ = !connection.peer_closed_;
    connection.peer_closed_ = true;
    connection.closed_told_ = true;
    connection.closed_told_early_ = connection.is_paused_;
    connection.handler_->on_peer_closed();
}

void Transport::tell_failed(Connection& connection, const Error& error) {
    if (!connection.is_open()) return;
    connection.is_failed_ = true;
    connection.out_.clear();
    connection.handler_->on_failed(error);
}

size_t Transport::send_at_once(Connection& connection, const Buffer& wire) {
    if (connection.is_writing_ || connection.is_failed_) return 0;
    const ssize_t sent = send_piece(connection.fd_, wire);
    if (sent <= 0) return 0;
    connection.bytes_sent_ += sent;
    return static_cast<size_t>(sent);
}

}  // namespace sluice::event
