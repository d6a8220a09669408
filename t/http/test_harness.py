"""The audit that ends every test: it has to notice what it is there for."""
import contextlib
import os
import socket

import pytest

from lib.messages import Malformed, Reader
from lib.server import Server

CONF = 'server { listen 127.0.0.1:%%main%%; location / { return 200 hello; } }'


@pytest.fixture
def instance():
    s = Server(CONF).start()
    yield s
    s.kill()
    s.remove()


def test_good_server_passes(instance):
    assert instance.get('/').body == b'hello'
    instance.audit()
    instance.quit()


def test_left_descriptor_is_noticed(instance, monkeypatch):
    monkeypatch.setattr('lib.server.wait_for', lambda condition, what, *_: condition() or pytest.fail(what()))
    with contextlib.ExitStack() as left:
        for _ in range(3):  # when the base was counted, the look whether the server is up may not have ended there
            peer = left.enter_context(socket.create_connection(('127.0.0.1', instance.port())))
            peer.sendall(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
            peer.recv(1000)
        with pytest.raises(pytest.fail.Exception, match='descriptors left open'):
            instance.audit()


@pytest.mark.parametrize('level', ['alert', 'emerg'])
def test_loud_log_line_is_noticed(instance, level):
    with open(instance.prefix / 'logs/error.log', 'a', encoding='ascii') as log:
        log.write(f'2026/01/31 12:00:00 [{level}] 1#1: something\n')
    with pytest.raises(AssertionError, match='something'):
        instance.audit()
    instance.audit()  # told once
    instance.excuse('else')
    with open(instance.prefix / 'logs/error.log', 'a', encoding='ascii') as log:
        log.write(f'2026/01/31 12:00:00 [{level}] 1#1: something else\n')
    instance.audit()


@pytest.mark.parametrize('name, content', [('logs/sanitizer.123', 'heap-use-after-free'), ('core.77', 'x')])
def test_report_and_core_are_noticed(instance, name, content):
    instance.write(name, content)
    with pytest.raises(AssertionError, match='core|heap'):
        instance.audit()


def test_dead_server_is_noticed(instance):
    instance.signal('TERM')
    instance.process.wait(5)
    with pytest.raises(AssertionError, match='ended by itself'):
        instance.audit()


def test_dead_worker_is_noticed(instance):
    os.kill(instance.workers()[0], 9)
    instance.wait_log('exited on signal 9')
    with pytest.raises(AssertionError, match='exited on signal 9'):
        instance.audit()


@pytest.mark.parametrize('data', [
    b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nshor', b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n',
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello', b'HTTP/1.1 200 OK\nA: b\n\n', b'HTTP/2 200\r\n\r\n',
    b'HTTP/1.1 200 OK\r\nA : b\r\n\r\n', b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n',
])
def test_client_forgives_nothing(data):
    reader = Reader(lambda: b'')
    reader.buffer = data
    with pytest.raises(Malformed):
        reader.response()
