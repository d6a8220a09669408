"""Reloads and upgrades of the binary under TLS: no request fails, and sessions go on."""
import functools

import pytest

from lib import tls
from lib.client import request
from lib.daemon import reload_workers, upgrade_binary
from lib.traffic import Crew
from lib.wait import wait_for

SERVER = 'listen 127.0.0.1:%%secure%% ssl; ssl_certificate a.test.pem; ssl_certificate_key a.test.key; location = / { return 200 $ssl_session_reused; }'
REQUEST = request('GET', '/', host='a.test')
KEPT = 200  # requests on a connection that is kept


class Clients(Crew):
    """`with Clients(port) as clients`: some shake hands for each request, some come back to their session for each,
    some keep their connections as long as the server does; every failure is remembered."""

    def __init__(self, port):
        self.address = ('127.0.0.1', port)
        self.counts = {'full': 0, 'resumed': 0, 'kept': 0}
        super().__init__([functools.partial(self.run, kind) for kind in self.counts for _ in range(2)])

    def run(self, kind):
        context, session = tls.context(), None
        while not self.stopped.is_set():
            try:
                with tls.SecureConnection(self.address, tls=context, session=session) as connection:
                    assert session is None or connection.socket.session_reused, 'the session is not known any more'
                    self.ask(connection, kind)
                    session = connection.socket.session if kind == 'resumed' else None
            except Exception as problem:  # every failure counts, whatever it is
                self.failures.append(f'{kind}: {problem!r}')

    def ask(self, connection, kind):
        for _ in range(KEPT if kind == 'kept' else 1):
            answer = connection.send(REQUEST).response()
            assert answer.status == 200
            assert answer.text == ('r' if connection.socket.session_reused else '.')
            self.counts[kind] += 1
            if answer.headers.get('Connection') == 'close' or self.stopped.wait(0.005):
                return

    def wait_for_more(self, count=10):
        """Until each kind has had so many more answers."""
        goal = {kind: done + count for kind, done in self.counts.items()}
        wait_for(lambda: self.failures or all(self.counts[kind] >= goal[kind] for kind in goal), lambda: f'{goal}: {self.counts}')


@pytest.mark.sluice_only('its tickets end with each reload, and it closes kept connections under clients that are just sending')
def test_nothing_fails_over_reloads(daemon, conf):
    s = daemon(conf(server=SERVER), files=tls.files('a.test'))
    with Clients(s.port('secure')) as clients:
        for _ in range(8):
            clients.wait_for_more()
            reload_workers(s)
        clients.wait_for_more()
    assert clients.failures == []


@pytest.mark.sluice_only('a new binary of it knows no sessions of the old one, and it closes kept connections under clients that are just sending')
@pytest.mark.parametrize('settings', ['', 'ssl_session_cache shared:s:1m; ssl_session_tickets off;'], ids=['tickets', 'shared cache'])
def test_nothing_fails_over_upgrades(daemon, conf, settings):
    s = daemon(conf(server=SERVER + settings), files=tls.files('a.test'))
    with Clients(s.port('secure')) as clients:
        for _ in range(3):
            clients.wait_for_more()
            upgrade_binary(s)
        clients.wait_for_more()
    assert clients.failures == []
