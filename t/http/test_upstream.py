"""Upstream groups: order, weights, failures and next tries, timeouts, pools of kept connections, variables and log lines."""
import contextlib
import re
import socket
import struct
import threading

import pytest

from lib import h2
from lib.client import request
from lib.h2 import Peer
from lib.messages import chunk, reply
from lib.ports import free_port
from lib.upstream import Held
from lib.wait import DEADLINE, takes, wait_for

PASS = 'server { listen 127.0.0.1:%%main%%; location / { proxy_pass http://u; OPTIONS } }'


def group(servers, options='', before=''):
    return f'{before} upstream u {{ {servers} }} ' + PASS.replace('OPTIONS', options)


def named(upstream, *names):
    """Upstreams that answer with their name."""
    return {name: upstream(lambda _, name=name: reply(name)) for name in names}


def ports(ups):
    return {name: up.port for name, up in ups.items()}


def answers(s, count, target='/'):
    with s.connect() as c:
        return [c.get(target).text for _ in range(count)]


def test_round_robin(server, upstream):
    ups = named(upstream, 'a', 'b', 'c')
    s = server(group('server 127.0.0.1:%%a%%; server 127.0.0.1:%%b%%; server 127.0.0.1:%%c%%;'), ports=ports(ups))
    assert answers(s, 6) == list('abcabc')


def test_smooth_weights(server, upstream):
    ups = named(upstream, 'a', 'b', 'c')
    s = server(group('server 127.0.0.1:%%a%% weight=5; server 127.0.0.1:%%b%%; server 127.0.0.1:%%c%%;'), ports=ports(ups))
    assert ''.join(answers(s, 14)) == 'aabacaa' * 2


def test_down_and_backup(server, upstream):
    ups = named(upstream, 'a', 'b', 'c')
    s = server(group('server 127.0.0.1:%%a%% down; server 127.0.0.1:%%b%% backup; server 127.0.0.1:%%dead%%; server 127.0.0.1:%%c%% down;'),
               ports=ports(ups) | {'dead': free_port()})
    assert answers(s, 4) == list('bbbb')
    s.wait_log(r'\[warn\] .* upstream server temporarily disabled while connecting to upstream')


def test_all_down(server):
    s = server(group('server 127.0.0.1:1 down;'))
    assert s.get('/').status == 502
    s.wait_log(r'\[error\] \d+#\d+: \*\d+ no live upstreams while connecting to upstream, client: 127.0.0.1, server: , '
               r'request: "GET / HTTP/1.1", upstream: "http://u/", host: "localhost"')


def test_refused_goes_to_the_next(server, upstream):
    ups = named(upstream, 'a')
    s = server(group('server 127.0.0.1:%%dead%%; server 127.0.0.1:%%a%%;', before='log_format v "$upstream_addr|$upstream_status|$status";'
               ' access_log logs/v.log v;'), ports=ports(ups) | {'dead': free_port()})
    assert s.get('/').text == 'a'
    line = s.access(1, 'logs/v.log')[0]
    assert line == f'127.0.0.1:{s.port("dead")}, 127.0.0.1:{s.port("a")}|502, 200|200'
    s.wait_log(r'connect\(\) failed \(111: Connection refused\) while connecting to upstream')


def test_max_fails_zero_keeps_trying(server):
    s = server(group('server 127.0.0.1:%%dead%% max_fails=0;'))
    assert [s.get('/').status for _ in range(3)] == [502] * 3
    assert s.log().count('Connection refused') == 3 and 'no live upstreams' not in s.log()


def test_single_server_is_never_disabled(server):
    s = server(group('server 127.0.0.1:%%dead%%;'))
    assert [s.get('/').status for _ in range(3)] == [502] * 3
    assert 'no live upstreams' not in s.log()


def test_fail_timeout(server, upstream):
    failing = [True]
    a = upstream(lambda _: None if failing[0] else reply('a'))
    b = upstream(reply('b'))
    s = server(group('server 127.0.0.1:%%a%% max_fails=1 fail_timeout=1s; server 127.0.0.1:%%b%%;'), ports={'a': a.port, 'b': b.port})
    assert answers(s, 4) == list('bbbb')
    failing[0] = False
    wait_for(lambda: s.get('/').text == 'a', 'the return of a', 6)


@pytest.mark.parametrize('rule, status, second', [
    ('error', None, True), ('off', None, False), ('http_500', '500 x', True), ('http_502', '502 x', True), ('http_503', '503 x', True),
    ('http_504', '504 x', True), ('http_403', '403 x', True), ('http_404', '404 x', True), ('http_429', '429 x', True),
    ('http_500', '503 x', False), ('error', '500 x', False), ('invalid_header', 'broken', True), ('error', 'broken', False),
])
def test_next_upstream(server, upstream, rule, status, second):
    first = upstream(lambda _: None if status is None else b'HTTP/1.1 200 OK\r\nBad\0: x\r\n\r\n' if status == 'broken' else reply('first', status=status))
    other = upstream(reply('second'))
    s = server(group('server 127.0.0.1:%%a%%; server 127.0.0.1:%%b%%;', f'proxy_next_upstream {rule};'), ports={'a': first.port, 'b': other.port})
    r = s.get('/')
    assert (r.text == 'second') == second, r
    if not second:
        assert r.status == (502 if status in (None, 'broken') else int(status[:3]))


def test_next_upstream_does_not_repeat_a_post(server, upstream):
    first, other = upstream(lambda _: None), upstream(reply('second'))
    s = server(group('server 127.0.0.1:%%a%% max_fails=0; server 127.0.0.1:%%b%% max_fails=0;'), ports={'a': first.port, 'b': other.port})
    assert s.request('POST', '/', body=b'x').status == 502 and not other.requests
    s = server(group('server 127.0.0.1:%%a%% max_fails=0; server 127.0.0.1:%%b%%;', 'proxy_next_upstream error non_idempotent;'), ports={'a': first.port, 'b': other.port})
    assert s.request('POST', '/', body=b'x').text == 'second' and other.last.body == b'x'


def test_post_that_was_not_sent_goes_on(server, upstream):
    ups = named(upstream, 'a')
    s = server(group('server 127.0.0.1:%%dead%%; server 127.0.0.1:%%a%%;'), ports=ports(ups) | {'dead': free_port()})
    assert s.request('POST', '/', body=b'x').text == 'a'


def test_next_upstream_tries(server, upstream):
    ups = [upstream(lambda _: None) for _ in range(3)]
    s = server(group(' '.join(f'server 127.0.0.1:%%u{n}%%;' for n in range(3)), 'proxy_next_upstream_tries 2;'),
               ports={f'u{n}': up.port for n, up in enumerate(ups)})
    assert s.get('/').status == 502
    assert sum(len(up.requests) for up in ups) == 2


def test_next_upstream_timeout(server, scripted):
    ups = [scripted(lambda peer, up: (up.requests.append(peer.request()), peer.wait_closed())) for _ in range(3)]
    s = server(group(' '.join(f'server 127.0.0.1:%%u{n}%%;' for n in range(3)), 'proxy_read_timeout 300ms; proxy_next_upstream_timeout 200ms;'),
               ports={f'u{n}': up.port for n, up in enumerate(ups)})
    assert s.get('/').status == 504
    assert sum(len(up.requests) for up in ups) == 1


def test_bigger_body_is_sent_again(server, upstream):
    first, other = upstream(lambda _: None), upstream(lambda r: reply(str(len(r.body))))
    s = server(group('server 127.0.0.1:%%a%%; server 127.0.0.1:%%b%%;', 'proxy_next_upstream error non_idempotent;'), ports={'a': first.port, 'b': other.port})
    assert s.request('PUT', '/', body=b'x' * 300_000).text == '300000'


def test_read_timeout(server, scripted):
    up = scripted(lambda peer, _: (peer.request(), peer.wait_closed()))
    s = server(group('server 127.0.0.1:%%a%%;', 'proxy_read_timeout 300ms;'), ports={'a': up.port})
    with takes(0.2, 3):
        assert s.get('/').status == 504
    s.wait_log(r'\[error\] \d+#\d+: \*\d+ upstream timed out \(110: Connection timed out\) while reading response header from upstream, client: 127.0.0.1, '
               r'server: , request: "GET / HTTP/1.1", upstream: "http://127.0.0.1:\d+/", host: "localhost"')


def test_read_timeout_within_the_body(server, scripted):
    def script(peer, _):
        peer.request()
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
        peer.wait_closed()
    s = server(group('server 127.0.0.1:%%a%%;', 'proxy_read_timeout 300ms;'), ports={'a': scripted(script).port})
    assert not s.connect().send(request('GET', '/')).rest().endswith(b'0\r\n\r\n')  # closed, however much has come
    s.wait_log(r'upstream timed out \(110: Connection timed out\) while reading upstream')


@pytest.mark.parametrize('buffering', ['on', 'off'])
def test_send_timeout(server, scripted, buffering):
    """It counts from the last byte that went."""
    gate = Held()
    up = scripted(lambda peer, _: gate.pass_())
    s = server(group('server 127.0.0.1:%%a%%;', f'proxy_send_timeout 1500ms; client_max_body_size 0; proxy_request_buffering {buffering};'), ports={'a': up.port})
    c = s.connect()

    def send(data):
        with contextlib.suppress(OSError):
            c.send(data)
    sender = threading.Thread(target=send, args=(request('POST', '/', body=b'x' * 30_000_000),), daemon=True)
    with takes(1.4, 2.9):
        sender.start()
        assert c.response().status == 504
    s.wait_log(r'upstream timed out \(110: Connection timed out\) while sending request to upstream')
    gate.open()
    c.reset()
    sender.join()


def test_send_timeout_of_nothing(server, upstream):
    """It begins where the upstream does not take the request at once."""
    up = upstream(lambda asked: reply(asked.body))
    s = server(group('server 127.0.0.1:%%a%%;', 'proxy_send_timeout 0;'), ports={'a': up.port})
    for _ in range(3):
        assert s.request('POST', '/', body='abc').text == 'abc'


def test_slow_client_is_no_slow_upstream(server, upstream):
    """While a body comes, `client_body_timeout` counts."""
    up = upstream(lambda asked: reply(asked.body))
    s = server('''server { listen 127.0.0.1:%%main%%;
        location / { proxy_pass http://127.0.0.1:%%a%%; proxy_send_timeout 200ms; proxy_request_buffering off; }
        location /given-up { proxy_pass http://127.0.0.1:%%a%%; client_body_timeout 400ms; } }''', ports={'a': up.port})
    begun = 'POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab'
    c = s.connect().send(begun.format('/'))
    for piece in ('cd', 'ef'):
        assert s.connect().send(begun.format('/given-up')).is_closed()  # behind it, much more than 200 ms have passed
        c.send(piece)
    assert c.response().text == 'abcdef'


def test_connect_timeout(server):
    with socket.socket() as full:
        full.bind(('127.0.0.1', 0))
        full.listen(0)
        stuck = []
        for _ in range(8):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(full.getsockname())
            stuck.append(client)
        s = server(group('server 127.0.0.1:%%a%%;', 'proxy_connect_timeout 300ms;'), ports={'a': full.getsockname()[1]})
        assert s.get('/').status == 504
        s.wait_log(r'upstream timed out \(110: Connection timed out\) while connecting to upstream')
        for client in stuck:
            client.close()


def test_closed_before_an_answer(server, upstream):
    s = server(group('server 127.0.0.1:%%a%%;'), ports={'a': upstream(lambda _: None).port})
    assert s.get('/').status == 502
    s.wait_log(r'\[error\] .* upstream prematurely closed connection while reading response header from upstream')


def test_reset_before_an_answer(server, scripted):
    def script(peer, _):
        peer.request()
        peer.reset()
    s = server(group('server 127.0.0.1:%%a%%;'), ports={'a': scripted(script).port})
    assert s.get('/').status == 502
    s.wait_log(r'recv\(\) failed \(104: Connection reset by peer\) while reading response header from upstream')


def test_no_upstream_is_named_before_it_is_asked(server, upstream):
    """The body is still being read."""
    s = server(group('server 127.0.0.1:%%a%%;'), ports={'a': upstream(reply('x')).port})
    for leave in (lambda c: c.close(), lambda c: c.reset()):
        c = s.connect().send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab')
        assert s.get('/').status == 200  # what was sent before has been seen
        leave(c)
    s.wait_log(r'\[info\] .* client prematurely closed connection, client: 127.0.0.1, server: , request: "POST / HTTP/1.1", host: "a"\n')
    s.wait_log(r'\[info\] .* recv\(\) failed \(104: Connection reset by peer\), client: 127.0.0.1, server: , request: "POST / HTTP/1.1", host: "a"\n')
    assert 'upstream' not in s.log()


@pytest.mark.parametrize('at, error', [('/no/such.sock', r'[crit] 2: No such file or directory'), ('/tmp', r'[error] 111: Connection refused')])
def test_dead_socket(server, at, error):
    s = server(f'server {{ listen 127.0.0.1:%%main%%; location / {{ proxy_pass http://unix:{at}:/uri; }} }}')
    assert s.get('/').status == 502
    level, text = error.split(' ', 1)
    s.wait_log(re.escape(level) + r' \d+#\d+: \*\d+ ' + re.escape(f'connect() to unix:{at} failed ({text}) while connecting to upstream, client: 127.0.0.1, '
               f'server: , request: "GET / HTTP/1.1", upstream: "http://unix:{at}:/uri", host: "localhost"'))


def test_network_that_is_unreachable(server):
    s = server('server { listen 127.0.0.1:%%main%%; location / { proxy_pass http://255.255.255.255:9; } }')
    assert s.get('/').status == 502
    s.wait_log(r'\[error\] .* connect\(\) to 255.255.255.255:9 failed \(101: Network is unreachable\) while connecting to upstream, ')


def test_max_conns(server, upstream):
    gate = Held()

    def slow(_):
        gate.pass_()
        return reply('a')
    a, b = upstream(slow), upstream(reply('b'))
    s = server(group('server 127.0.0.1:%%a%% max_conns=1; server 127.0.0.1:%%b%%;'), ports={'a': a.port, 'b': b.port})
    waiting = s.connect().send(request('GET', '/'))
    wait_for(lambda: a.open, 'the held request')
    assert answers(s, 3) == ['b'] * 3
    gate.open()
    assert waiting.response().text == 'a'


def test_least_conn(server, upstream):
    gate = Held()

    def slow(r):
        if r.target == '/slow':
            gate.pass_()
        return reply('a')
    a, b = upstream(slow), upstream(reply('b'))
    s = server(group('least_conn; server 127.0.0.1:%%a%%; server 127.0.0.1:%%b%%;'), ports={'a': a.port, 'b': b.port})
    waiting = s.connect().send(request('GET', '/slow'))
    wait_for(lambda: a.open, 'the held request')
    assert answers(s, 4) == ['b'] * 4
    gate.open()
    assert waiting.response().text == 'a'


def test_ip_hash(server, upstream):
    ups = named(upstream, 'a', 'b', 'c')
    s = server(group('ip_hash; server 127.0.0.1:%%a%%; server 127.0.0.1:%%b%%; server 127.0.0.1:%%c%%;'), ports=ports(ups))
    assert len(set(answers(s, 6))) == 1
    seen = {source: s.connect(source=source).get('/').text for source in ('127.0.1.1', '127.0.2.1', '127.0.3.1', '127.0.4.1', '127.0.5.1', '127.0.6.1')}
    assert len(set(seen.values())) > 1
    assert s.connect(source='127.0.1.200').get('/').text == seen['127.0.1.1']


KEEP = 'proxy_http_version 1.1; proxy_set_header Connection "";'


def test_pool(server, upstream):
    up = upstream(reply('x'))
    s = server(group('server 127.0.0.1:%%a%%; keepalive 2;', KEEP), ports={'a': up.port})
    s.spare_descriptors(2)
    for _ in range(10):
        assert s.get('/').text == 'x'
    assert up.connections == 1 and len(up.requests) == 10


def test_pool_size(server, scripted):
    gate = Held()

    def script(peer, _):
        while peer.request():
            gate.pass_()
            peer.send(reply('x'))
    up = scripted(script)
    s = server(group('server 127.0.0.1:%%a%%; keepalive 2;', KEEP), ports={'a': up.port})
    s.spare_descriptors(2)
    clients = [s.connect().send(request('GET', '/')) for _ in range(5)]
    wait_for(lambda: up.connections == 5, 'five connections')
    gate.open()
    assert [c.response().text for c in clients] == ['x'] * 5
    wait_for(lambda: up.open == 2, 'three of them closed')


@pytest.mark.parametrize('mode', ['on', 'off'])
def test_socket_keepalive(server, scripted, mode):
    """The kernel keeps a timer for an idle connection where SO_KEEPALIVE is set."""
    gate = Held()

    def script(peer, _):
        peer.request()
        gate.pass_()
        peer.send(reply('x'))
    up = scripted(script)
    s = server(group('server 127.0.0.1:%%a%%;', f'{KEEP} proxy_socket_keepalive {mode};'), ports={'a': up.port})

    def timer():
        with open('/proc/net/tcp', encoding='ascii') as table:
            to_it = [line.split() for line in table if line.split()[2].endswith(f':{up.port:04X}')]
        return [fields[5][:2] for fields in to_it if fields[3] == '01' and fields[4] == '00000000:00000000']
    with s.connect() as c:
        c.send(request('GET', '/'))
        wait_for(lambda: timer() == ['02' if mode == 'on' else '00'], lambda: f'the timer, which is {timer()}')
        gate.open()
        assert c.response().text == 'x'


def test_pool_limits(server, upstream):
    up = upstream(reply('x'))
    s = server(group('server 127.0.0.1:%%a%%; keepalive 2; keepalive_requests 3;', KEEP), ports={'a': up.port})
    s.spare_descriptors(2)
    for _ in range(7):
        s.get('/')
    assert up.connections == 3
    s = server(group('server 127.0.0.1:%%a%%; keepalive 2; keepalive_timeout 200ms;', KEEP), ports={'a': up.port})
    s.get('/')
    wait_for(lambda: up.open <= 2, 'the idle one closed')


def test_stale_pooled_connection_is_replaced(server, scripted):
    def script(peer, upstream):
        upstream.requests.append(peer.request())
        peer.send(reply('x'))
        peer.request() if len(upstream.requests) == 1 else None
    up = scripted(script)
    s = server(group('server 127.0.0.1:%%a%%; keepalive 2;', KEEP), ports={'a': up.port})
    assert [s.get('/').text for _ in range(3)] == ['x'] * 3


def closes_the_second(peer, upstream):
    """Each connection ends when its second request has come, as if that had crossed with the end."""
    for body in ('', None):
        r = peer.request()
        if r is None or body is None:
            return
        upstream.requests.append(r)
        peer.send(reply(r.body))


@pytest.mark.parametrize('framing', ['length', 'chunked'])
@pytest.mark.parametrize('size', [5, 3000])
def test_unbuffered_body_goes_by_another_connection(server, scripted, framing, size):
    up = scripted(closes_the_second)
    s = server(group('server 127.0.0.1:%%a%%; keepalive 2;', KEEP + 'proxy_request_buffering off;'), ports={'a': up.port})
    s.spare_descriptors(2)
    body = b'x' * size
    with s.connect() as c:
        for _ in range(3):
            headers, sent = ({'Content-Length': size}, body) if framing == 'length' else ({'Transfer-Encoding': 'chunked'}, chunk(body))
            r = c.send(request('PUT', '/', headers) + sent).response()
            assert (r.status, r.body) == (200, body)
    assert up.connections == 3 and [r.body for r in up.requests] == [body] * 3


def closes_behind_a_part(seen):
    """The first connection ends when a part of its second request's body has come."""
    def script(peer, upstream):
        upstream.requests.append(peer.request())
        peer.send(reply(upstream.requests[-1].body))
        if upstream.connections == 1 and peer.request(with_body=False) is not None:
            if not peer.reader.buffer:
                peer.reader.fill()
            seen.set()
    return script


@pytest.mark.sluice_only('nginx repeats nothing of which a part has left')
@pytest.mark.parametrize('framing', ['length', 'chunked'])
def test_unbuffered_body_goes_on_by_another_connection(server, scripted, framing):
    up = scripted(closes_behind_a_part(seen := threading.Event()))
    s = server(group('server 127.0.0.1:%%a%%; keepalive 2;', KEEP + 'proxy_request_buffering off;'), ports={'a': up.port})
    s.spare_descriptors(2)
    with s.connect() as c:
        assert c.get('/').status == 200
        if framing == 'length':
            head, pieces = request('PUT', '/', {'Content-Length': 5}), (b'who', b'le')
        else:
            head, pieces = request('PUT', '/', {'Transfer-Encoding': 'chunked'}), (chunk('who', end=False), chunk('le'))
        c.send(head + pieces[0])
        assert seen.wait(DEADLINE)
        wait_for(lambda: up.connections == 2, 'another connection')
        c.send(pieces[1])
        assert c.response().body == b'whole'


def test_unbuffered_body_that_may_have_been_acted_on_is_not_repeated(server, scripted):
    up = scripted(closes_behind_a_part(threading.Event()))
    s = server(group('server 127.0.0.1:%%a%%; keepalive 2;', KEEP + 'proxy_request_buffering off;'), ports={'a': up.port})
    s.spare_descriptors(2)
    with s.connect() as c:
        assert c.get('/').status == 200
        assert c.request('POST', '/', body=b'whole').status == 502
    assert up.connections == 1


@pytest.mark.parametrize('answer', [
    reply('x', headers={'Connection': 'close'}), b'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx',
])
def test_not_pooled(server, upstream, answer):
    up = upstream(answer)
    s = server(group('server 127.0.0.1:%%a%%; keepalive 2;', KEEP), ports={'a': up.port})
    assert [s.get('/').text for _ in range(3)] == ['x'] * 3
    assert up.connections == 3 or b'HTTP/1.0' in answer


def test_unread_request_body_is_not_pooled(server, scripted):
    def script(peer, upstream):
        upstream.requests.append(peer.request(with_body=False))
        peer.send(reply('early', status='400 Bad'))
        peer.wait_closed()
    up = scripted(script)
    s = server(group('server 127.0.0.1:%%a%%; keepalive 2;', KEEP), ports={'a': up.port})
    s.spare_descriptors(2)
    assert s.request('POST', '/', body=b'x' * 500_000).text == 'early'


@pytest.mark.sluice_only('it keeps none by default and refuses 0')
def test_no_pool(server, upstream):
    up = upstream(reply('x'))
    s = server(group('server 127.0.0.1:%%a%%; keepalive 0;', KEEP), ports={'a': up.port})
    for _ in range(3):
        s.get('/')
    assert up.connections == 3


@pytest.mark.sluice_only('connections to an upstream are kept by default since 1.29.7')
def test_pool_by_default(server, upstream):
    up = upstream(reply('x'))
    s = server(group('server 127.0.0.1:%%a%%;'), ports={'a': up.port})
    s.spare_descriptors(1)
    for _ in range(5):
        s.get('/')
    assert up.connections == 1


def test_variables(server, upstream):
    up = upstream(reply('hello', headers={'X-Own': 'own', 'Set-Cookie': 'c=v; Path=/'}))
    names = ('addr', 'status', 'connect_time', 'header_time', 'response_time', 'response_length', 'bytes_received', 'bytes_sent',
             'http_x_own', 'cookie_c', 'http_none', 'cache_status')
    form = '|'.join(f'$upstream_{name}' for name in names)
    s = server(group('server 127.0.0.1:%%a%%;', before=f'log_format v "{form}|$proxy_host|$proxy_port"; access_log logs/v.log v;'), ports={'a': up.port})
    s.spare_descriptors(1)
    s.get('/')
    values = dict(zip((*names, 'host', 'port'), s.access(1, 'logs/v.log')[0].split('|')))
    assert values['addr'] == f'127.0.0.1:{up.port}' and values['status'] == '200' and values['response_length'] == '5'
    assert values['bytes_sent'] == str(len(up.last.raw)) and int(values['bytes_received']) > 60
    assert all(re.fullmatch(r'\d\.\d{3}', values[name]) for name in ('connect_time', 'header_time', 'response_time'))
    assert (values['http_x_own'], values['cookie_c'], values['http_none'], values['cache_status']) == ('own', 'v', '-', '-')
    assert (values['host'], values['port']) == ('u', '80')


def test_names_of_the_upstream(server, upstream):
    """They mean something in the location that passes on, and only there."""
    up = upstream(lambda asked: reply('x', headers={'X-Accel-Redirect': '/text'} if 'away' in asked.target else {}))
    s = server('''log_format v "$request_uri|$proxy_host|$proxy_port"; access_log logs/v.log v;
        server { listen 127.0.0.1:%%main%%; location / { proxy_pass http://127.0.0.1:%%a%%; } location /text { return 200 text; }
        location /dead { proxy_pass http://127.0.0.1:1; error_page 502 /text; } location /unix { proxy_pass http://unix:/no/such.sock; }
        location /nowhere { set $name no.such.name; proxy_pass http://$name; } }''', ports={'a': up.port})
    for target in ('/', '/away', '/dead', '/unix', '/nowhere'):
        s.get(target)
    assert s.access(5, 'logs/v.log') == [f'/|127.0.0.1:{up.port}|{up.port}', '/away|-|-', '/dead|-|-', '/unix|localhost|', '/nowhere|no.such.name|80']


def test_unix_member(server, upstream, tmp_path):
    upstream(reply('x'), path=tmp_path / 's')
    s = server(group(f'server unix:{tmp_path}/s;'))
    s.spare_descriptors(1)
    assert s.get('/').text == 'x'


def test_ignore_client_abort(server, upstream):
    gate = Held()
    up = upstream(lambda _: (gate.pass_(), reply('x'))[1])
    s = server(group('server 127.0.0.1:%%a%%;', 'proxy_ignore_client_abort on;', before='log_format v "$upstream_status"; access_log logs/v.log v;'), ports={'a': up.port})
    s.spare_descriptors(1)
    c = s.connect().send(request('GET', '/'))
    wait_for(lambda: up.requests, 'the request')
    c.close()
    gate.open()
    assert s.access(1, 'logs/v.log') == ['200']


def test_ignore_client_abort_by_a_reset(server, upstream):
    gate = Held()
    up = upstream(lambda _: (gate.pass_(), reply('x'))[1])
    s = server(group('server 127.0.0.1:%%a%%;', 'proxy_ignore_client_abort on; access_log logs/v.log v;',
                     before='log_format v "$upstream_status"; server { listen 127.0.0.1:%%other%%; return 204; }'), ports={'a': up.port})
    s.spare_descriptors(1)
    c = s.connect().send(request('GET', '/'))
    wait_for(lambda: up.requests, 'the request')
    c.reset()
    assert s.get('/', port='other').status == 204  # what came before it was seen
    gate.open()
    assert s.access(1, 'logs/v.log') == ['200']


@pytest.mark.parametrize('what', ['stream', 'connection'])
def test_ignore_client_abort_over_http2(server, upstream, what):
    gate = Held()
    up = upstream(lambda _: (gate.pass_(), reply('x'))[1])
    s = server('log_format v "$upstream_status"; server { listen 127.0.0.1:%%main%% http2; location / { return 200 other; }'
               ' location /x { proxy_pass http://127.0.0.1:%%a%%; proxy_ignore_client_abort on; access_log logs/v.log v; } }', ports={'a': up.port})
    s.spare_descriptors(1)
    with Peer(('127.0.0.1', s.port())) as peer:
        stream = peer.ask('/x')
        wait_for(lambda: up.requests, 'the request')
        if what == 'stream':
            peer.send(h2.reset(stream))
            assert peer.get('/').text == 'other'
        else:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            peer.socket.close()
            with Peer(('127.0.0.1', s.port())) as other:
                assert other.get('/').text == 'other'  # what came before it was seen
        gate.open()
        assert s.access(1, 'logs/v.log') == ['200']


def test_host_not_found_is_a_configuration_error(server):
    with pytest.raises(AssertionError, match=r'host not found in upstream "no\.such\.host\.invalid" in '):
        server(group('server no.such.host.invalid;'))
