"""Reload and upgrade of the binary: nothing that a client does fails, and errors leave the old generation alone."""
import signal
import subprocess

import pytest

from lib import processes
from lib.daemon import wait_end, workers_of
from lib.traffic import Traffic
from lib.wait import wait_for


@pytest.mark.sluice_only('on a reload it closes idle kept connections under clients that are just sending')
def test_nothing_fails_over_reloads_and_upgrades(daemon, conf):
    s = daemon(conf())
    with Traffic(s.port()) as traffic:
        for turn in range(20):
            before = set(workers_of(s.process.pid))
            s.signal('HUP')
            wait_for(lambda before=before: len(workers_of(s.process.pid)) == 2 and not before & set(workers_of(s.process.pid)),
                     lambda: f'new workers:\n{s.log()[-2000:]}')
            if turn % 4 == 3:
                old, new = s.upgrade()
                old.send_signal(signal.SIGQUIT)
                wait_for(lambda old=old: not processes.alive(old.pid), lambda: f'the end of the old master:\n{s.log()[-2000:]}')
                s.follow(new)
        wait_for(lambda: traffic.answered >= 1000, 'a thousand answers', 30)
    assert traffic.failures == []
    assert not (s.prefix / 'logs/server.pid.oldbin').exists()


def test_upgrade_can_be_taken_back(daemon, conf):
    s = daemon(conf())
    old, new = s.upgrade()
    old.send_signal(signal.SIGWINCH)
    wait_for(lambda: not workers_of(old.pid), 'the end of the old workers')
    assert s.get('/none').status == 404
    old.send_signal(signal.SIGHUP)
    wait_for(lambda: len(workers_of(old.pid)) == 2, 'old workers again')
    new.send_signal(signal.SIGQUIT)
    wait_for(lambda: not processes.alive(new.pid) and s.read('logs/server.pid').strip() == str(old.pid), 'the old pid file')
    assert s.get('/none').status == 404
    s.follow(old)


@pytest.mark.sluice_only('it closes the idle connections of workers that leave at once')
def test_idle_connections_of_the_new_binary_ask_once_more_on_the_way_back(daemon, conf):
    """As after a reload: the old master's workers serve on."""
    s = daemon(conf())
    old, new = s.upgrade()
    old.send_signal(signal.SIGWINCH)
    wait_for(lambda: not workers_of(old.pid), 'the end of the old workers')
    asking = s.connect()
    assert asking.get('/none').status == 404
    old.send_signal(signal.SIGHUP)
    wait_for(lambda: len(workers_of(old.pid)) == 2, 'old workers again')
    leaving = s.log().count('gracefully shutting down')
    new.send_signal(signal.SIGQUIT)
    wait_for(lambda: s.log().count('gracefully shutting down') == leaving + 2, 'both new workers')
    answer = asking.get('/none')
    assert answer.status == 404 and answer.headers.get('Connection') == 'close'
    assert asking.is_closed()
    wait_end(s, new)
    wait_for(lambda: s.read('logs/server.pid').strip() == str(old.pid), 'the old pid file')
    s.follow(old)


@pytest.mark.sluice_only('it ends without workers')
@pytest.mark.parametrize('upgrades', [True, False])
def test_hangup_right_behind_winch(daemon, conf, upgrades):
    """Whichever the kernel hands over first, workers are wanted again."""
    s = daemon(conf())
    old, new = s.upgrade() if upgrades else (s.process, None)
    before = workers_of(old.pid)
    for number in (signal.SIGSTOP, signal.SIGWINCH, signal.SIGHUP, signal.SIGCONT):
        old.send_signal(number)
    wait_for(lambda: not any(map(processes.alive, before)), 'the end of the workers from before')
    wait_for(lambda: len(workers_of(old.pid)) == 2, lambda: f'other workers:\n{s.log()[-2000:]}')
    if upgrades:
        new.send_signal(signal.SIGQUIT)
        wait_end(s, new)
        wait_for(lambda: s.read('logs/server.pid').strip() == str(old.pid), 'the old pid file')
    assert s.get('/none').status == 404
    s.follow(old)


def test_broken_configuration_changes_nothing(server, conf):
    s = server(conf())
    s.excuse('unknown directive "nonsense"')
    before = s.workers()
    good = s.read('conf/nginx.conf')
    s.write('conf/nginx.conf', good + 'nonsense on;\n')
    s.signal('HUP')
    s.wait_log(r'\[emerg\] .*unknown directive "nonsense" in .*/conf/nginx\.conf:\d+')
    assert s.workers() == before and s.get('/none').status == 404


@pytest.mark.sluice_only('it closes the idle connections of old workers at once')
def test_idle_connections_of_old_workers_ask_once_more_then_close(server, conf):
    s = server(conf())
    asking, silent = s.connect(), s.connect()
    assert asking.get('/none').status == silent.get('/none').status == 404
    s.signal('HUP')
    s.wait_log('gracefully shutting down')
    answer = asking.get('/none')
    assert answer.status == 404 and answer.headers.get('Connection') == 'close'
    assert asking.is_closed() and silent.is_closed()
    wait_for(lambda: len(s.workers()) == 2, 'the end of the old workers')
    s._base = {}


def test_listen_changes(server, conf):
    s = server(conf(server='listen 127.0.0.1:%%gone%%; listen unix:%%PREFIX%%/gone.sock;'))
    assert s.get('/none', port='gone').status == s.get('/none', port='gone.sock').status == 404
    before = set(s.workers())
    text = s.read('conf/nginx.conf').replace(f'listen 127.0.0.1:{s.port("gone")};', '').replace('gone.sock', 'new.sock')
    s.write('conf/nginx.conf', text)
    s.signal('HUP')
    wait_for(lambda: len(s.workers()) == 2 and not before & set(s.workers()), 'the end of the old workers')
    assert s.get('/none').status == s.get('/none', port='new.sock').status == 404
    assert not (s.prefix / 'gone.sock').exists()
    try:
        s.connect('gone').close()
        raise AssertionError('the address that is gone still accepts')
    except ConnectionRefusedError:
        pass
    s._base = {}


def test_a_test_of_the_configuration_disturbs_no_unix_socket(server, conf):
    s = server(conf(server='listen unix:%%PREFIX%%/main.sock;'))
    done = subprocess.run([s.binary, '-t', '-p', f'{s.prefix}/', '-c', 'conf/nginx.conf', '-e', 'logs/error.log'],
                          capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    assert s.get('/none', port='main.sock').status == 404
