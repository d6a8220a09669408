// Transport: the way back into the connection.
#include "event/transport.h"

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

}  // namespace sluice::event
