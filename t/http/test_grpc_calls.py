"""gRPC calls of grpcio through grpc_pass: every kind of call, plain and by TLS on both sides."""
import concurrent.futures
import queue

import grpc
import pytest

from lib import grpc_calls, tls
from lib.wait import DEADLINE, wait_for

FILES = tls.files('a.test')
CONF = '''
    upstream backend { server 127.0.0.1:%%up%%; keepalive 4; }
    server {
        listen 127.0.0.1:%%main%% http2;
        listen 127.0.0.1:%%secure%% ssl http2;
        client_max_body_size 100m;  ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;
        location /echo.Echo/ { grpc_pass SCHEME://backend; grpc_ssl_verify VERIFY; grpc_ssl_trusted_certificate ca.pem; grpc_ssl_name a.test; }
    }
'''
COMMON = dict(timeout=DEADLINE)


@pytest.fixture(params=['plain', 'tls'])
def calls(request, server):
    """(client, service, server)"""
    is_secure = request.param == 'tls'
    conf = CONF.replace('SCHEME', 'grpcs' if is_secure else 'grpc').replace('VERIFY', 'on' if is_secure else 'off')
    with grpc_calls.serving('a.test' if is_secure else None) as (service, port):
        s = server(conf, files=FILES, ports={'up': port})
        with grpc_calls.client(s.port('secure' if is_secure else 'main'), 'a.test' if is_secure else None) as client:
            yield client, service, s


def test_unary(calls):
    client, service, _ = calls
    answer, call = client.unary.with_call(b'hello', metadata=(('x-own', 'mine'), ('x-own-bin', b'\x01\xfe')), **COMMON)
    assert answer == b'echo:hello'
    assert ('x-initial', 'one') in call.initial_metadata()
    assert ('x-trailing', 'two') in call.trailing_metadata() and ('x-bytes-bin', b'\x00\xff') in call.trailing_metadata()
    sent = dict(service.metadata[-1])
    assert sent['x-own'] == 'mine' and sent['x-own-bin'] == b'\x01\xfe' and sent['user-agent'].startswith('grpc-python')


def test_large_messages(calls):
    client, *_ = calls
    body = bytes(range(256)) * 12_000
    assert client.unary(body, **COMMON) == b'echo:' + body


def test_errors_of_the_service(calls):
    client, *_ = calls
    with pytest.raises(grpc.RpcError) as raised:
        client.fail(b'why', **COMMON)
    assert raised.value.code() == grpc.StatusCode.FAILED_PRECONDITION and raised.value.details() == 'no: why'
    assert ('x-why', 'so') in raised.value.trailing_metadata()
    with pytest.raises(grpc.RpcError) as raised:
        client.missing(b'', **COMMON)
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_server_streaming(calls):
    client, *_ = calls
    assert list(client.split(b'abc' * 50, **COMMON)) == [b'a', b'b', b'c'] * 50


def test_client_streaming(calls):
    client, *_ = calls
    assert client.join((b'x' * i for i in range(100)), **COMMON) == b','.join(b'x' * i for i in range(100))


def test_many_small_messages(calls):
    """What acknowledges them, message by message, is no flood."""
    client, *_ = calls
    assert client.join((b'abc' for _ in range(8000)), **COMMON) == b','.join([b'abc'] * 8000)
    assert b''.join(client.split(b'x' * 20_000, **COMMON)) == b'x' * 20_000
    outgoing = queue.Queue()
    answers = client.chat(iter(outgoing.get, None), **COMMON)
    for _ in range(3000):
        outgoing.put(b'abc')
        assert next(answers) == b'ABC'
    outgoing.put(None)
    assert list(answers) == [] and answers.code() == grpc.StatusCode.OK


def test_bidirectional(calls):
    """Each message is answered before the next is sent: nothing is held back in either direction."""
    client, *_ = calls
    outgoing = queue.Queue()
    answers = client.chat(iter(outgoing.get, None), **COMMON)
    for word in (b'one', b'two', b'three' * 10_000):
        outgoing.put(word)
        assert next(answers) == word.upper()
    outgoing.put(None)
    assert list(answers) == [] and answers.code() == grpc.StatusCode.OK


def test_at_once(calls):
    client, service, s = calls
    client.unary(b'first', **COMMON)
    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda i: client.unary(b'%d' % i, **COMMON), range(300)))
    assert answers == [b'echo:%d' % i for i in range(300)]


def test_a_client_that_cancels(calls):
    client, service, _ = calls
    call = client.wait(b'', **COMMON)
    assert next(call) == b'begun'
    call.cancel()
    wait_for(service.cancelled.is_set, 'the end of the call at the service')


@pytest.mark.sluice_only('nginx has one request at a time on a connection')
def test_many_calls_share_a_connection(calls):
    client, service, _ = calls
    client.unary(b'first', **COMMON)
    open_calls = []
    for _ in range(20):
        outgoing = queue.Queue()
        answers = client.chat(iter(outgoing.get, None), **COMMON)
        outgoing.put(b'x')
        assert next(answers) == b'X'
        open_calls.append((outgoing, answers))
    client.unary(b'last', **COMMON)
    assert service.peers[0] == service.peers[-1]
    for outgoing, answers in open_calls:
        outgoing.put(None)
        assert list(answers) == []
