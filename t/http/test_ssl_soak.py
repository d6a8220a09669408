"""Handshakes of all kinds, good and bad, many of them: full, resumed, broken off, cut in their midst, and garbage."""
import contextlib
import os
import random
import socket
import ssl

import pytest

from lib import tls
from lib.client import request
from lib.wait import DEADLINE

HANDSHAKES = int(os.environ.get('SOAK', 1500))  # in all; `make soak` says how many

CONF = '''
    ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;  ssl_session_cache shared:s:1m;
    server { listen 127.0.0.1:%%main%% ssl;  server_name a.test;  return 200 a; }
    server { listen 127.0.0.1:%%main%% ssl;  server_name b.test;  ssl_verify_client on;  ssl_client_certificate ca.pem;  return 200 b; }
'''
FILES = tls.files('a.test,b.test')
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]

pytestmark = [pytest.mark.sluice_only('a soak of ours'), pytest.mark.soak]


class Clients:
    """One client for each kind of handshake; what is good must be answered."""

    def __init__(self, site):
        self.address = ('127.0.0.1', site.port())
        self.dice = random.Random(1)
        self.contexts = [tls.context(minimum_version=version, maximum_version=version, client=client)
                         for version in VERSIONS for client in (None, 'client')]
        self.sessions = {}
        self.resumed = 0

    def plain(self):
        made = socket.create_connection(self.address, DEADLINE)
        made.settimeout(DEADLINE)
        return made

    def good(self, resumes=False):
        context, name = self.dice.choice(self.contexts), self.dice.choice(['a.test', 'b.test'])
        key = (id(context), name)
        session = self.sessions.get(key) if resumes else None
        with tls.SecureConnection(self.address, tls=context, name=name, session=session) as c:
            answer = c.send(request('GET', '/', {'Connection': 'close'}, host=name)).response()
            has_certificate = self.contexts.index(context) % 2 == 1
            assert answer.status == (200 if name == 'a.test' or has_certificate else 400)
            self.resumed += c.socket.session_reused
            self.sessions[key] = c.socket.session

    def resumed_one(self):
        self.good(resumes=True)

    def hello(self):
        """The first flight of a handshake."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        with contextlib.suppress(ssl.SSLWantReadError):
            self.dice.choice(self.contexts).wrap_bio(incoming, outgoing, server_hostname='a.test').do_handshake()
        return outgoing.read()

    def aborted(self):
        """Broken off after the server's answer, in one way or another."""
        with self.plain() as plain:
            plain.sendall(self.hello())
            if self.dice.random() < 0.5:
                plain.recv(self.dice.choice([1, 100, 65536]))
            if self.dice.random() < 0.5:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')

    def cut(self):
        hello = self.hello()
        with self.plain() as plain:
            plain.sendall(hello[:self.dice.randrange(1, len(hello))])

    def damaged(self):
        """The hello with bytes changed, then whatever comes."""
        hello = bytearray(self.hello())
        for _ in range(self.dice.randrange(1, 5)):
            hello[self.dice.randrange(len(hello))] = self.dice.randrange(256)
        self.send_garbage(bytes(hello))

    def garbage(self):
        self.send_garbage(b'\x16\x03\x01' * self.dice.randrange(2) + self.dice.randbytes(self.dice.randrange(1, 400)))

    def send_garbage(self, data):
        with self.plain() as plain, contextlib.suppress(ConnectionError):
            plain.sendall(data)
            plain.shutdown(socket.SHUT_WR)
            while plain.recv(65536):
                pass


def test_handshakes(server):
    site = server(CONF, files=FILES)
    clients = Clients(site)
    kinds = [clients.good, clients.resumed_one, clients.resumed_one, clients.aborted, clients.cut, clients.damaged, clients.garbage]
    for _ in range(HANDSHAKES):
        clients.dice.choice(kinds)()
    assert clients.resumed > HANDSHAKES / 10
    clients.good()
