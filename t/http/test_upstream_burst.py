"""A burst of requests for an upstream that speaks HTTP/2 and has no connection yet: they wait for one, and each goes its own way when that fails."""
import socket
import struct
import time

import pytest

from lib import h2, h2_upstream, tls_upstream
from lib.h2 import Peer
from lib.ports import free_port
from lib.upstream import Held
from lib.wait import takes, wait_for

pytestmark = pytest.mark.sluice_only('nginx has one request at a time on a connection')

COUNT = 50
FOUND = h2_upstream.answering(b'found')
CONF = '''
    log_format v '$upstream_addr|$upstream_status';  access_log logs/v.log v;
    upstream up { SERVERS keepalive 8; GROUP }
    server { listen 127.0.0.1:%%main%% http2;  client_body_timeout 9s; location / { PASS INSIDE } MORE }
'''
PASS = {'proxy': 'proxy_http_version 2; proxy_pass http://up;', 'grpc': 'grpc_pass grpc://up;'}


@pytest.fixture(params=PASS)
def bursting(request, server, scripted):
    """bursting(script, …) starts a server with that upstream behind it. `other`: a second one, asked when the first fails. `secure`: the server
    speaks TLS to both; the script of the first one shakes hands itself."""
    def start(script, other=None, inside='', group='', more='', secure=False, port=None):
        up = scripted(script) if script else None
        ports = {'up': up.port if up else port}
        servers = 'server 127.0.0.1:%%up%% max_fails=2 fail_timeout=60s;'
        if other:
            ports['other'] = scripted(other, tls=secure_context() if secure else None).port
            servers += 'server 127.0.0.1:%%other%% backup;'
        passing, prefix = PASS[request.param], request.param
        if secure:
            passing = passing.replace('://', 's://')
        values = {'SERVERS': servers, 'PASS': passing, 'INSIDE': inside, 'GROUP': group, 'MORE': more.replace('PASS', passing)}
        conf = CONF
        for name, value in values.items():
            conf = conf.replace(name, value.replace('PREFIX', prefix))
        s = server(conf, ports=ports)
        peer = Peer(('127.0.0.1', s.port()))
        s._connections.append(peer)
        return peer, up, s
    return start


def ask(peer, count=COUNT, method='GET'):
    """So many requests at once; behind it, all of them have come to the server."""
    streams = [peer.ask(f'/{i}', method) for i in range(count)]
    peer.ping()
    return streams


def secure_context():
    context = tls_upstream.context()
    context.set_alpn_protocols(['h2'])
    return context


def shaking_hands(gate):
    """An upstream whose handshake begins when the gate opens."""
    def script(peer, upstream):
        gate.pass_()
        peer.secure(secure_context())
        h2_upstream.answering(b'secure')(peer, upstream)
        peer.say_goodbye()
    return script


def gated(gate, values=None):
    """An upstream whose SETTINGS come when the gate opens."""
    def script(peer, upstream):
        served = h2_upstream.Served(peer, greets=False)
        if served.is_closed:
            return
        gate.pass_()
        served.send(h2.settings(values or {}))
        while (request := served.request()) is not None:
            upstream.requests.append(request)
            served.answer(request, b'first')
    return script


def texts(peer, streams):
    return [answer.text for answer in peer.responses(streams)]


def statuses(peer, streams):
    return [answer.status for answer in peer.responses(streams)]


def is_disabled(s):
    return 'temporarily disabled' in s.log()


def test_one_connection(bursting):
    gate = Held()
    peer, up, _ = bursting(gated(gate))
    streams = ask(peer)
    gate.open()
    assert texts(peer, streams) == ['first'] * COUNT
    assert up.connections == 1


def test_posts_with_bodies(bursting):
    """Bodies that stream wait as well."""
    gate = Held()
    peer, up, _ = bursting(gated(gate), inside='proxy_request_buffering off;')
    streams = [peer.ask(f'/{i}', 'POST', end=False) for i in range(10)]
    for i, stream in enumerate(streams):
        peer.data(stream, b'%d' % i * 10)
    peer.ping()
    gate.open()
    for stream in streams:
        peer.data(stream, b'end', True)
    assert texts(peer, streams) == ['first'] * 10
    assert sorted(request.body for request in up.requests) == [b'%d' % i * 10 + b'end' for i in range(10)] and up.connections == 1


def test_no_more_than_100_wait(bursting):
    """So many streams a connection is expected to have at least (RFC 9113 §6.5.2)."""
    gate = Held()
    peer, up, _ = bursting(gated(gate))
    streams = ask(peer, 110)
    gate.open()
    assert texts(peer, streams) == ['first'] * 110
    assert up.connections == 2


def test_few_streams_at_once(bursting):
    """What the first connection has no room for goes to others, each of which is expected to have no more room than that one."""
    gates, waiting, most = [Held(), Held()], [], []

    def script(peer, upstream):
        gates[upstream.connections > 1].pass_()
        served = h2_upstream.Served(peer, {h2.MAX_CONCURRENT_STREAMS: 2})
        own = 0
        while (request := served.request()) is not None:
            own += 1
            most.append(own)
            waiting.append((served, request))
            if len(waiting) == COUNT:
                for connection, one in waiting:
                    connection.answer(one, b'held')
    peer, up, _ = bursting(script)
    streams = ask(peer)
    gates[0].open()
    wait_for(lambda: up.connections == COUNT // 2, 'one connection for every two')
    gates[1].open()
    assert texts(peer, streams) == ['held'] * COUNT
    assert max(most) == 2 and up.connections == COUNT // 2


def test_no_streams_at_all(bursting):
    """As before anything is known, a stream may be there before SETTINGS that forbid it: it takes a connection each."""
    gate = Held()
    peer, up, _ = bursting(gated(gate, values={h2.MAX_CONCURRENT_STREAMS: 0}))
    streams = ask(peer, 5)
    gate.open()
    assert texts(peer, streams) == ['first'] * 5 and up.connections == 5


@pytest.mark.parametrize('most,connections', [(3, 4), (1, 10)])
def test_keepalive_requests(bursting, most, connections):
    gate = Held()
    peer, up, _ = bursting(gated(gate), group=f'keepalive_requests {most};')
    streams = ask(peer, 10)
    gate.open()
    assert texts(peer, streams) == ['first'] * 10
    assert up.connections == connections


# What fails

def test_refused(bursting):
    peer, _, s = bursting(None, port=free_port())
    assert statuses(peer, ask(peer)) == [502] * COUNT
    s.wait_log(r'connect\(\) failed \(111: Connection refused\) while connecting to upstream')


def test_refused_goes_to_the_next(bursting):
    peer, _, s = bursting(None, other=FOUND, port=free_port())
    assert texts(peer, ask(peer, method='POST')) == ['found'] * COUNT


def closing(gate):
    """The connection ends when the gate opens, without a handshake."""
    def script(*_):
        gate.pass_()
    return script


@pytest.mark.parametrize('method', ['GET', 'POST'])
def test_a_connection_fails_once(bursting, method):
    """Each request goes to the next server, and the first one has failed once, not 50 times."""
    gate = Held()
    peer, up, s = bursting(closing(gate), other=FOUND, secure=True)
    streams = ask(peer, method=method)
    gate.open()
    assert texts(peer, streams) == ['found'] * COUNT
    assert up.connections == 1 and not is_disabled(s)
    lines = s.access(COUNT, 'logs/v.log')
    assert set(lines) == {f'127.0.0.1:{up.port}, 127.0.0.1:{s.port("other")}|502, 200'}
    assert s.log().count('peer closed connection in SSL handshake') == COUNT


def test_a_connection_that_another_request_ends(bursting):
    """The first request is on it, and takes the blame; those who wait for SETTINGS go on with another connection."""
    gate = Held()

    def script(peer, upstream):
        served = h2_upstream.Served(peer, greets=False)
        if upstream.connections == 1:
            served.acknowledges = False
            served.request(whole=False)
            gate.pass_()
            peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)  # SETTINGS and FIN are one packet
            served.send(h2.settings({}))
            return
        served.send(h2.settings({}))
        while (request := served.request()) is not None:
            upstream.requests.append(request)
            served.answer(request, b'second')
    peer, up, _ = bursting(script)
    streams = ask(peer)
    gate.open()
    assert statuses(peer, streams[:1]) == [502]
    assert texts(peer, streams[1:]) == ['second'] * (COUNT - 1) and up.connections == 2


def test_each_goes_by_its_own_rules(bursting):
    gate = Held()
    peer, up, s = bursting(closing(gate), other=FOUND, secure=True, inside='PREFIX_next_upstream off;')
    streams = ask(peer)
    gate.open()
    assert statuses(peer, streams) == [502] * COUNT
    assert set(s.access(COUNT, 'logs/v.log')) == {f'127.0.0.1:{up.port}|502'} and up.connections == 1


@pytest.mark.parametrize('method', ['GET', 'POST'])
def test_closed_before_settings(bursting, method):
    """One request was sent: it may be repeated or not. The others were not."""
    gate = Held()

    def script(peer, _):
        served = h2_upstream.Served(peer, greets=False)
        gate.pass_()
        served.finish()
    peer, up, s = bursting(script, other=FOUND)
    streams = ask(peer, method=method)
    gate.open()
    answers = peer.responses(streams)
    failed = [answer.status for answer in answers if answer.text != 'found']
    assert failed == ([502] if method == 'POST' else [])
    assert up.connections == 1 and not is_disabled(s)
    assert s.log().count('upstream prematurely closed connection') == COUNT


def test_no_settings_but_something_else(bursting):
    gate = Held()

    def script(peer, _):
        served = h2_upstream.Served(peer, greets=False)
        gate.pass_()
        served.send(b'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n').rest()
    peer, up, s = bursting(script, other=FOUND, inside='PREFIX_next_upstream invalid_header;')
    streams = ask(peer)
    gate.open()
    assert texts(peer, streams) == ['found'] * COUNT and up.connections == 1 and not is_disabled(s)


# What is slow

def test_slow_handshake(bursting):
    gate = Held()
    peer, up, _ = bursting(shaking_hands(gate), secure=True)
    streams = ask(peer)
    gate.open()
    assert texts(peer, streams) == ['secure'] * COUNT and up.connections == 1


@pytest.mark.parametrize('secure', [True, False], ids=['handshake', 'settings'])
def test_timeout(bursting, secure):
    """Time runs for each; the server has failed once."""
    gate = Held()

    def script(peer, _):
        if not secure:
            h2_upstream.Served(peer, greets=False)
        gate.pass_()
    peer, up, s = bursting(script, secure=secure, inside='PREFIX_connect_timeout 300ms; PREFIX_read_timeout 300ms; PREFIX_next_upstream off;')
    with takes(0.25, 8):
        assert statuses(peer, ask(peer)) == [504] * COUNT
    assert up.connections == 1 and s.log().count('upstream timed out') == COUNT
    # whoever comes now does not join what has been too slow
    assert statuses(peer, ask(peer, 2)) == [504] * 2 and up.connections == 2
    gate.open()


def test_connect_timeout(bursting):
    """A queue that is full lets nobody in."""
    with socket.socket() as full:
        full.bind(('127.0.0.1', 0))
        full.listen(0)
        others = []
        while True:
            others.append(socket.socket())
            others[-1].setblocking(False)
            others[-1].connect_ex(full.getsockname())
            if others[-1].getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO) != 1 and len(others) > 3:
                break
        peer, _, s = bursting(None, other=FOUND, port=full.getsockname()[1], inside='PREFIX_connect_timeout 300ms;')
        assert texts(peer, ask(peer)) == ['found'] * COUNT
        assert s.log().count('upstream timed out') == COUNT and not is_disabled(s)
        for other in others:
            other.close()


def test_the_first_leave(bursting):
    """Whoever leaves, the others wait on."""
    gate = Held()
    peer, up, _ = bursting(shaking_hands(gate), secure=True)
    streams = ask(peer)
    for stream in streams[:10]:
        peer.send(h2.reset(stream))
    peer.ping()
    gate.open()
    assert texts(peer, streams[10:]) == ['secure'] * (COUNT - 10)
    assert up.connections == 1 and sorted(int(request[':path'][1:]) for request in up.requests) == list(range(10, COUNT))


def test_the_one_that_was_sent_leaves(bursting):
    """Its place is another's, even before SETTINGS come."""
    def script(peer, upstream):
        served = h2_upstream.Served(peer, greets=False)
        served.acknowledges = False
        upstream.requests.append(served.request())
        second = served.request()
        served.send(h2.settings({}) + h2.settings({}, h2.ACK)).answer(second, b'first')
        while (request := served.request()) is not None:
            served.answer(request, b'first')
    peer, up, _ = bursting(script)
    streams = ask(peer)
    wait_for(lambda: up.requests, 'the first request')
    peer.send(h2.reset(streams[0]))
    assert texts(peer, streams[1:]) == ['first'] * (COUNT - 1) and up.connections == 1


def test_all_leave(bursting):
    gate = Held()
    peer, up, s = bursting(closing(gate), secure=True)
    for stream in ask(peer):
        peer.send(h2.reset(stream))
    peer.ping()
    gate.open()
    wait_for(lambda: up.connections == 1 and up.open == 0, 'the end of the connection')
    assert '[error]' not in s.log()


def test_time_of_another_location(bursting):
    """One gives up, the other waits on; a third begins anew."""
    gate = Held()
    peer, up, _ = bursting(gated(gate), more='location /short { PASS PREFIX_read_timeout 200ms; }')
    first, long, short = peer.ask('/first'), peer.ask('/long'), peer.ask('/short')
    assert peer.response(short).status == 504 and up.connections <= 2
    before = up.connections
    third = peer.ask('/third')
    wait_for(lambda: up.connections == before + 1, 'another connection')
    gate.open()
    assert texts(peer, [first, long, third]) == ['first'] * 3


def test_connect_timeout_ends_with_the_connection(bursting):
    """Whoever waits for SETTINGS waits for an answer, as if the request had been sent."""
    gate = Held()
    peer, up, _ = bursting(gated(gate), inside='PREFIX_connect_timeout 200ms;', more='location /short { PASS PREFIX_read_timeout 500ms; }')
    first, long, short = peer.ask('/first'), peer.ask('/long'), peer.ask('/short')
    assert peer.response(short).status == 504
    gate.open()
    assert texts(peer, [first, long]) == ['first'] * 2 and up.connections == 1


def test_keepalive_time_is_over_before_settings(bursting):
    """A connection that is too old has no place for those who wait, not even when the only one that it had is free again."""
    gate = Held()
    peer, up, s = bursting(gated(gate), group='keepalive_time 100ms;')
    begin = time.monotonic()
    streams = ask(peer, 3)
    wait_for(lambda: up.connections == 1 and time.monotonic() - begin > 0.5, 'its time to be over')
    peer.send(h2.reset(streams[0]))
    wait_for(lambda: up.connections == 2, 'another connection')
    gate.open()
    assert texts(peer, streams[1:]) == ['first'] * 2


@pytest.mark.parametrize('method', ['GET', 'POST'])
def test_goaway_behind_settings(bursting, method):
    """Those who waited have had no part in it: what was not acted on is asked again."""
    gate = Held()

    def script(peer, upstream):
        if upstream.connections > 1:
            return h2_upstream.answering(b'second')(peer, upstream)
        served = h2_upstream.Served(peer, greets=False)
        gate.pass_()
        served.send(h2.settings({}))
        requests = [served.request() for _ in range(10)]
        served.send(h2.frame(h2.GOAWAY, 0, 0, struct.pack('>II', requests[0].stream, 0))).answer(requests[0], b'first').finish()
        return None
    peer, up, _ = bursting(script)
    streams = ask(peer, 10, method)
    gate.open()
    assert sorted(texts(peer, streams)) == ['first'] + ['second'] * 9
    assert up.connections == 2


def test_a_silent_connection(bursting):
    """When nothing has come on a connection for as long as one request could wait, the next ones make another."""
    def script(peer, upstream):
        served = h2_upstream.Served(peer)
        upstream.requests.append(served.request())
        served.answer(upstream.last, b'%d' % upstream.connections)
        if upstream.connections == 1:
            gate.pass_()
        while (request := served.request()) is not None:
            served.answer(request, b'again')
    gate = Held()
    peer, up, _ = bursting(script, inside='PREFIX_read_timeout 300ms;', more='location /long { PASS }')
    assert peer.get('/').text == '1'
    long, *streams = peer.ask('/long'), peer.ask('/'), peer.ask('/')
    assert statuses(peer, streams) == [504, 504]
    assert peer.get('/').text == '2' and up.connections == 2
    gate.open()
    assert peer.response(long).text == 'again'
