"""Shared memory over upgrades of the binary: sessions go on there and back, and nothing else is handed on."""
import re
import signal
import ssl

import pytest

from lib import processes, tls
from lib.daemon import reload_workers, upgrade_binary, wait_end, workers_of
from lib.tls_sessions import Client
from lib.wait import wait_for

SERVER = ('listen 127.0.0.1:%%secure%% ssl; ssl_certificate a.test.pem; ssl_certificate_key a.test.key; ssl_protocols TLSv1.2 TLSv1.3;'
          'location = / { return 200 $ssl_session_reused|$pid; }')
IN_CACHE = 'ssl_session_tickets off; ssl_session_cache shared:kept:1m;'
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

pytestmark = pytest.mark.sluice_only('a new binary of it has zones of its own')
kinds = pytest.mark.parametrize('settings, version', [('', V12), ('', V13), (IN_CACHE, V12), (IN_CACHE, V13)],
                                ids=['ticket, 1.2', 'ticket, 1.3', 'id, 1.2', 'id, 1.3'])


def start(daemon, conf, settings=''):
    return daemon(conf(server=SERVER + settings), files=tls.files('a.test'))


def client_of(s, version=V13):
    return Client(s, version, port='secure')


def visits_both(client, old, new):
    """Comes back until a worker of either master has resumed the session."""
    missing = {old.pid, new.pid}

    def none_is_missing():
        assert client.visit(), 'the session is not known any more'
        served_by = int(client.response[1])
        missing.difference_update(master for master in set(missing) if served_by in processes.children(master))
        return not missing
    wait_for(none_is_missing, lambda: f'an answer of workers of {missing}')


def drain(s, master):
    master.send_signal(signal.SIGWINCH)
    wait_for(lambda: not any('worker process' in processes.title(pid) for pid in processes.children(master.pid)),
             lambda: f'the end of the old workers:\n{s.log()[-2000:]}')


@kinds
def test_sessions_go_on_in_the_new_binary_and_beside_it(daemon, conf, settings, version):
    s = start(daemon, conf, settings)
    client = client_of(s, version)
    assert not client.visit()
    old, new = s.upgrade()
    visits_both(client, old, new)
    old.send_signal(signal.SIGQUIT)
    wait_end(s, old)
    s.follow(new)
    assert client.visit()


@kinds
def test_sessions_go_on_in_the_old_binary_on_the_way_back(daemon, conf, settings, version):
    s = start(daemon, conf, settings)
    earlier, later = client_of(s, version), client_of(s, version)
    assert not earlier.visit()
    old, new = s.upgrade()
    drain(s, old)
    assert not later.visit() and int(later.response[1]) in processes.children(new.pid)
    old.send_signal(signal.SIGHUP)
    wait_for(lambda: len(workers_of(old.pid)) == 2, lambda: f'the old workers again:\n{s.log()[-2000:]}')
    new.send_signal(signal.SIGQUIT)
    wait_end(s, new)
    s.follow(old)
    assert later.visit() and earlier.visit()


@kinds
def test_sessions_go_on_over_reloads_and_upgrades_in_turn(daemon, conf, settings, version):
    s = start(daemon, conf, settings)
    client = client_of(s, version)
    assert not client.visit()
    for step in (upgrade_binary, reload_workers, upgrade_binary, upgrade_binary):
        step(s)
        assert client.visit(), step
    assert 'is not used' not in s.log()


def test_a_zone_of_another_size_starts_fresh(daemon, conf):
    s = start(daemon, conf, IN_CACHE)
    client = client_of(s)
    assert not client.visit()
    s.write('conf/nginx.conf', s.read('conf/nginx.conf').replace('kept:1m', 'kept:2m'))
    upgrade_binary(s)
    assert re.search(r'\[notice\] .*inherited shared memory zone "kept" is not used: its size was another one', s.log())
    assert not client.visit()
    assert client.visit()


def zones_of(pid):
    return [name for name in processes.descriptors(pid).values() if 'memfd:zone' in name]


def test_only_masters_keep_descriptors_of_zones(daemon, conf):
    s = start(daemon, conf, IN_CACHE)

    def check():
        assert len(zones_of(s.process.pid)) == 2  # the cache, and the keys of tickets
        for pid in s.workers():
            assert zones_of(pid) == []
    check()
    for step in (reload_workers, upgrade_binary, reload_workers, upgrade_binary):
        before = len(processes.descriptors(s.process.pid))
        step(s)
        wait_for(lambda before=before: len(processes.descriptors(s.process.pid)) == before,
                 lambda: f'{before} descriptors: {processes.descriptors(s.process.pid)}')
        check()


def test_an_unused_zone_is_let_go(daemon, conf):
    s = start(daemon, conf, IN_CACHE)
    s.write('conf/nginx.conf', s.read('conf/nginx.conf').replace(IN_CACHE, ''))
    upgrade_binary(s)
    assert len(zones_of(s.process.pid)) == 1


def test_a_variable_of_somebody_else(daemon, conf, monkeypatch):
    monkeypatch.setenv('SLUICE_ZONES', '0;1;2;3;17;2;nonsense')
    s = start(daemon, conf, IN_CACHE)
    client = client_of(s)
    assert not client.visit() and client.visit()
    for pid in (s.process.pid, *s.workers()):
        assert zones_of(pid) == [] or pid == s.process.pid
    upgrade_binary(s)
    assert client.visit()
