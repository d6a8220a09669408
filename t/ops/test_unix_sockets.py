"""Files of unix sockets over upgrades of the binary: whoever serves on one keeps its file, and who was last removes it."""
import os
import signal

import pytest

from lib import processes
from lib.daemon import wait_end, workers_of
from lib.wait import wait_for

LISTEN = 'listen unix:%%PREFIX%%/{}.sock;'
BESIDE = LISTEN.format('kept')
KEEPS_IT = 'its new binary removes the file that the old one still serves on'


def rewrite(s, old, new):
    old, new = (part.replace('%%PREFIX%%', str(s.prefix)) for part in (old, new))
    s.write('conf/nginx.conf', s.read('conf/nginx.conf').replace(old, new))


def is_there(s, name):
    return (s.prefix / f'{name}.sock').exists()


def is_served(s, name):
    """The file is there from bind() on, before listen()."""
    try:
        s.connect(f'{name}.sock').close()
    except OSError:
        return False
    return True


def end_old(s, old, new):
    old.send_signal(signal.SIGQUIT)
    wait_end(s, old)
    s.follow(new)


def test_a_socket_that_the_new_binary_dropped(daemon, conf):
    s = daemon(conf(server=BESIDE + LISTEN.format('gone')))
    rewrite(s, LISTEN.format('gone'), '')
    old, new = s.upgrade()
    end_old(s, old, new)
    wait_for(lambda: not is_there(s, 'gone'), 'the end of the file')
    assert s.get('/none', port='kept.sock').status == 404
    rewrite(s, BESIDE, BESIDE + LISTEN.format('gone'))
    s.signal('HUP')
    wait_for(lambda: is_served(s, 'gone'), lambda: f'the socket again:\n{s.log()[-2000:]}')
    assert s.get('/none', port='gone.sock').status == 404
    s.follow(new)
    wait_for(lambda: len(processes.children(new.pid)) == 2, 'the end of the old workers')


@pytest.mark.sluice_only(KEEPS_IT)
def test_a_socket_that_was_dropped_serves_until_the_old_master_ends(daemon, conf):
    s = daemon(conf(server=BESIDE + LISTEN.format('gone')))
    rewrite(s, LISTEN.format('gone'), '')
    old, new = s.upgrade()
    assert s.get('/none', port='gone.sock').status == 404
    new.send_signal(signal.SIGQUIT)
    wait_for(lambda: not processes.alive(new.pid) and s.read('logs/server.pid').strip() == str(old.pid), 'the way back')
    assert s.get('/none', port='gone.sock').status == s.get('/none', port='kept.sock').status == 404
    s.follow(old)


def test_a_socket_that_comes_back_while_the_old_master_lives(daemon, conf):
    """The name goes to the new binary, and stays with it."""
    s = daemon(conf(server=BESIDE + LISTEN.format('gone')))
    rewrite(s, LISTEN.format('gone'), '')
    old, new = s.upgrade()
    before = set(workers_of(new.pid))
    rewrite(s, BESIDE, BESIDE + LISTEN.format('gone'))
    new.send_signal(signal.SIGHUP)
    wait_for(lambda: len(workers_of(new.pid)) == 2 and not before & set(workers_of(new.pid)), lambda: f'new workers:\n{s.log()[-2000:]}')
    end_old(s, old, new)
    assert s.get('/none', port='gone.sock').status == 404
    wait_for(lambda: len(processes.children(new.pid)) == 2, 'the end of the old workers')
    s.follow(new)


def test_a_socket_of_the_new_binary_goes_with_it(daemon, conf):
    s = daemon(conf(server=BESIDE))
    rewrite(s, BESIDE, BESIDE + LISTEN.format('new'))
    old, new = s.upgrade()
    assert s.get('/none', port='new.sock').status == 404
    new.send_signal(signal.SIGQUIT)
    wait_for(lambda: not processes.alive(new.pid) and s.read('logs/server.pid').strip() == str(old.pid), 'the way back')
    assert not is_there(s, 'new') and s.get('/none', port='kept.sock').status == 404
    s.follow(old)


@pytest.mark.sluice_only(KEEPS_IT)
def test_a_killed_master_leaves_its_socket_to_the_new_binary(daemon, conf):
    s = daemon(conf(server=BESIDE + LISTEN.format('gone')))
    rewrite(s, LISTEN.format('gone'), '')
    old, new = s.upgrade()
    orphans = workers_of(old.pid)
    old.send_signal(signal.SIGKILL)
    wait_for(lambda: not is_there(s, 'gone'), 'the end of the file')
    for pid in orphans:
        os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not any(map(processes.alive, orphans)), 'the end of the workers that nobody watches')
    s.follow(new)
    assert s.get('/none', port='kept.sock').status == 404
