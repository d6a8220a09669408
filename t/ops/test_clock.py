"""The system's clock is set while the server runs."""
import glob

import pytest

from lib import binary
from lib.messages import reply
from lib.wait import wait_for

pytestmark = pytest.mark.skipif('-fsanitize' in binary.version_text(binary.path()), reason='a sanitizer must be loaded first')


@pytest.fixture
def clock(monkeypatch, tmp_path):
    """The clock of servers that are started from now on, as a file: how many seconds it is ahead ("+60")."""
    file = tmp_path / 'clock'
    file.write_text('+0')
    library, = glob.glob('/usr/lib/*/faketime/libfaketimeMT.so.1')
    values = {'LD_PRELOAD': library, 'FAKETIME_TIMESTAMP_FILE': str(file), 'FAKETIME_NO_CACHE': '1', 'FAKETIME_DONT_FAKE_MONOTONIC': '1'}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return file


KEPT = ''.join(f'env FAKETIME_{name}; ' for name in ('TIMESTAMP_FILE', 'NO_CACHE', 'DONT_FAKE_MONOTONIC'))


@pytest.mark.sluice_only('its fail_timeout is as long as the clock was set back')
def test_a_server_that_failed_comes_back_after_the_clock_was_set_back(server, conf, upstream, clock):
    failing = [True]
    back = upstream(lambda _: None if failing[0] else reply('back'))
    other = upstream(reply('other'))
    servers = f'server 127.0.0.1:{back.port} max_fails=1 fail_timeout=1s; server 127.0.0.1:{other.port};'
    clock.write_text('+7200')
    s = server(conf(main=f'worker_processes 1; {KEPT}', http=f'upstream u {{ {servers} }}', server='location / { proxy_pass http://u; add_header X-Now $msec; }'))
    assert [s.get('/').text for _ in range(2)] == ['other', 'other']
    s.wait_log('upstream server temporarily disabled')
    before = float(s.get('/').headers['X-Now'])
    clock.write_text('+0')
    assert float(s.get('/').headers['X-Now']) < before - 7000
    failing[0] = False
    wait_for(lambda: s.get('/').text == 'back', 'the return of the server', 6)
