"""A thousand requests under way, over reloads and upgrades of the binary: none fails, and every byte is right."""
import random
import resource

import pytest

from lib import binary, processes
from lib.crowd import Crowd
from lib.daemon import reload_workers, upgrade_binary
from lib.wait import wait_for

RUNNING = 1000
SPARE = 100  # clients between two requests
FILES = 4096
BODIES = {f'/{kind}/{name}': random.Random(name).randbytes(size)  # the same for both kinds
          for kind in ('slow', 'proxied') for name, size in (('a', 20001), ('b', 23456))}
FRESH = {'/fresh': random.Random('fresh').randbytes(3000)}


@pytest.fixture(autouse=True)
def many_files():
    """Descriptors for all the clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES:
        pytest.skip(f'only {hard} descriptors are allowed here')
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES) if soft != resource.RLIM_INFINITY else soft, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def busy_server(daemon, conf):
    """Each answer takes one and a half seconds; the proxied ones come from the server itself."""
    kinds = ['proxy'] + (['fastcgi', 'uwsgi', 'scgi'] if binary.is_nginx(binary.path()) else [])
    files = {f'html{target}': body for target, body in BODIES.items() if target.startswith('/slow')}
    return daemon(conf(
        main=f'worker_rlimit_nofile {FILES};', events='worker_connections 4000;',
        http=''.join(f'{kind}_temp_path temp/{kind};' for kind in kinds),
        server='''
            location /slow/ { root html; limit_rate 15k; }
            location /proxied/ { proxy_pass http://127.0.0.1:%%main%%/slow/; }
            location = /fresh { root html; }'''), files={**files, 'html/fresh': FRESH['/fresh']})


def test_a_thousand_requests_over_reloads_and_upgrades(busy_server):
    s = busy_server
    keeps = not binary.is_nginx(s.binary)  # it closes kept connections under clients that are just sending
    with Crowd(s.port(), BODIES, RUNNING + SPARE, keeps) as crowd, Crowd(s.port(), FRESH, 10, keeps=False) as fresh:
        for turn in range(25):
            crowd.wait_running(RUNNING)
            if turn % 5 == 4:
                upgrade_binary(s)
            else:
                reload_workers(s)
    assert crowd.failures == [] and fresh.failures == []
    assert all(count > RUNNING for count in crowd.answered.values()) and fresh.answered['/fresh'] > 1000
    assert not keeps or crowd.reused > RUNNING
    wait_for(lambda: len(processes.children(s.process.pid)) == 2, 'the end of the old workers', 20)
    s.follow(s.process)
