"""What a worker is: its user and groups, CPUs, priority, limits, environment, folder and title; whom files belong to."""
import grp
import os
import pathlib
import pwd
import re
import resource
import select
import signal
import subprocess

import pytest

from lib import binary, processes
from lib.wait import wait_for

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason='only root may change users')


def readable_by_others(path):
    """Whether another user may run it."""
    path = pathlib.Path(path).resolve()
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in [path, *path.parents])


def status(pid, field):
    """The words of a line of /proc/PID/status."""
    return re.search(rb'^%s:\s*(.*)$' % field.encode(), processes.read(pid, 'status'), re.M)[1].decode().split()


def limit(pid, name):
    """Soft and hard limit as /proc/PID/limits shows them."""
    return re.search(rb'^%s\s+(\S+)\s+(\S+)' % name.encode(), processes.read(pid, 'limits'), re.M).groups()


def wrapper(folder, commands):
    """A program that runs these shell commands, with the server's arguments, and becomes the server unless they do."""
    path = folder / 'wrapper'
    path.write_text(f'#!/bin/sh\n{commands}\nexec {binary.path()} "$@"\n')
    path.chmod(0o755)
    return str(path)


# The user

@ROOT_ONLY
def test_workers_run_as_the_user(server, conf):
    s = server(conf(main='user www-data;'))
    account = pwd.getpwnam('www-data')
    assert status(s.process.pid, 'Uid') == ['0'] * 4
    for pid in s.workers():
        assert status(pid, 'Uid') == [str(account.pw_uid)] * 4
        assert status(pid, 'Gid') == [str(grp.getgrnam('www-data').gr_gid)] * 4


@ROOT_ONLY
def test_the_group_may_be_another(server, conf):
    s = server(conf(main='user nobody daemon;'))
    for pid in s.workers():
        assert status(pid, 'Uid') == [str(pwd.getpwnam('nobody').pw_uid)] * 4
        assert status(pid, 'Gid') == [str(grp.getgrnam('daemon').gr_gid)] * 4


@ROOT_ONLY
def test_groups_are_those_of_the_user(server, conf, tmp_path):
    group = grp.getgrnam('daemon').gr_gid
    extra = [grp.getgrnam(name).gr_gid for name in ('adm', 'tty')]
    program = wrapper(tmp_path, f'[ "$1" = -p ] && exec setpriv --groups {extra[0]},{extra[1]} {binary.path()} "$@"')
    s = server(conf(main='user nobody daemon;'), server_binary=program)
    assert sorted(status(s.process.pid, 'Groups')) == sorted(map(str, extra))
    for pid in s.workers():
        assert sorted(map(int, status(pid, 'Groups'))) == sorted(set(os.getgrouplist('nobody', group)))


@ROOT_ONLY
@pytest.mark.parametrize('written, message', [
    ('user no-such-user;', 'getpwnam("no-such-user") failed'),
    ('user nobody no-such-group;', 'getgrnam("no-such-group") failed'),
])
def test_unknown_user(tmp_path, written, message):
    (tmp_path / 'logs').mkdir()
    (tmp_path / 'test.conf').write_text(f'{written}\npid logs/x.pid;\nevents {{}}\n')
    done = subprocess.run([binary.path(), '-t', '-p', str(tmp_path), '-c', 'test.conf', '-e', 'logs/error.log'],
                          capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert re.search(rf'\[emerg\] {re.escape(message)}.* in {tmp_path}/test.conf:1', done.stderr)


@ROOT_ONLY
@pytest.mark.skipif(not readable_by_others(binary.path()), reason='the build lies where other users may not look')
def test_user_without_root_is_ignored_with_a_warning(server, conf, tmp_path):
    become = 'exec setpriv --reuid nobody --regid nogroup --clear-groups'
    program = wrapper(tmp_path, f'[ "$1" = -p ] && {{ chown -R nobody "$2"; {become} {binary.path()} "$@"; }}')
    s = server(conf(main='user www-data;'), server_binary=program)
    assert s.get('/none').status == 404
    for pid in [s.process.pid, *s.workers()]:
        assert status(pid, 'Uid') == [str(pwd.getpwnam('nobody').pw_uid)] * 4
    assert re.search(r'\[warn\] (\d+#\d+: )?the "user" directive makes sense only if the master process runs with super-user '
                     rf'privileges, ignored in {s.prefix}/conf/nginx.conf:\d+', s.read('logs/output'))


@ROOT_ONLY
def test_temp_folders_belong_to_the_user_and_logs_to_root(server, conf):
    s = server(conf(main='user nobody daemon;', http='client_body_temp_path temp/body 1 2;'))
    body, access = (s.prefix / 'temp/body').stat(), (s.prefix / 'logs/access.log').stat()
    assert (body.st_uid, body.st_mode & 0o777) == (pwd.getpwnam('nobody').pw_uid, 0o700)
    assert access.st_uid == 0 and access.st_mode & 0o777 == 0o644


@ROOT_ONLY
def test_reopened_logs_belong_to_the_user(server, conf):
    s = server(conf(main='user nobody daemon;'))
    (s.prefix / 'logs').chmod(0o777)
    (s.prefix / 'logs/access.log').rename(s.prefix / 'logs/access.1')
    s.signal('USR1')

    def written():
        s.get('/two')
        return '/two' in s.read('logs/access.log')
    wait_for(written, 'a line in the new log')
    new = (s.prefix / 'logs/access.log').stat()
    assert new.st_uid == pwd.getpwnam('nobody').pw_uid and new.st_mode & 0o600 == 0o600


@ROOT_ONLY
@pytest.mark.sluice_only('it gives the terminal to the user of the workers, who may read then what is typed')
def test_a_log_that_is_a_terminal_goes_on(server, conf):
    s = server(conf(main='user nobody daemon;'))
    reader, terminal = os.openpty()
    try:
        s.reload(s.read('conf/nginx.conf').replace('logs/access.log', os.ttyname(terminal)))
        s.signal('USR1')
        wait_for(lambda: all(re.search(rf' {pid}#\d+: reopening logs', s.log()) for pid in [s.process.pid, *s.workers()]), 'the reopening')
        s.get('/reopened')
        wait_for(lambda: select.select([reader], [], [], 0)[0], 'a line on the terminal')
        assert b'/reopened' in os.read(reader, 65536)
        assert os.fstat(terminal).st_uid == os.getuid()
        s.check_traces()
    finally:
        os.close(reader)
        os.close(terminal)


@ROOT_ONLY
def test_a_log_that_is_a_pipe_can_be_reopened(server, conf):
    """As /dev/stdout is in a container: the workers' user has to open it, too."""
    s = server(conf(main='user nobody daemon;'))
    path = s.prefix / 'logs/pipe'
    os.mkfifo(path, 0o600)
    reader = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        s.reload(s.read('conf/nginx.conf').replace('logs/access.log', 'logs/pipe'))
        (s.prefix / 'logs').chmod(0o777)
        s.signal('USR1')
        wait_for(lambda: all(re.search(rf' {pid}#\d+: reopening logs', s.log()) for pid in [s.process.pid, *s.workers()]), 'the reopening')
        s.get('/reopened')
        wait_for(lambda: select.select([reader], [], [], 0)[0], 'a line in the pipe')
        assert b'/reopened' in os.read(reader, 65536)
        s.check_traces()
    finally:
        os.close(reader)


@ROOT_ONLY
def test_temp_folders_change_hands_on_reload(server, conf):
    s = server(conf(main='user nobody daemon;', http='client_body_temp_path temp/body;'))
    s.reload(s.read('conf/nginx.conf').replace('user nobody daemon;', 'user www-data;'))
    wanted = pwd.getpwnam('www-data').pw_uid
    assert (s.prefix / 'temp/body').stat().st_uid == wanted
    assert all(status(pid, 'Uid') == [str(wanted)] * 4 for pid in s.workers())


# CPUs and priority

def cpus():
    return sorted(os.sched_getaffinity(0))


def test_as_many_workers_as_cpus(server, conf):
    s = server(conf(main='worker_processes auto;'))
    assert len(s.workers()) == len(cpus())


@pytest.mark.sluice_only('it counts the CPUs that are there, not those that it may use')
@pytest.mark.skipif(len(cpus()) < 2, reason='needs two CPUs')
def test_as_many_workers_as_cpus_that_may_be_used(server, conf, tmp_path):
    program = wrapper(tmp_path, f'[ "$1" = -p ] && exec taskset -c {cpus()[0]} {binary.path()} "$@"')
    # Not at the begin of its line, where the harness would read that it has to wait for more workers.
    s = server(conf(main='timer_resolution 100ms; worker_processes auto;'), server_binary=program)
    wait_for(lambda: s.log().count(': start worker process ') >= 1, 'the start')
    assert s.get('/none').status == 404 and len(s.workers()) == 1


def affinities(s):
    """Those of the workers in the order of their start."""
    return [sorted(os.sched_getaffinity(pid)) for pid in sorted(s.workers())]


@pytest.mark.skipif(len(cpus()) < 2 or cpus()[:2] != [0, 1], reason='needs the CPUs 0 and 1')
@pytest.mark.parametrize('written, wanted', [
    ('auto', [[0], [1]]),
    ('auto 10', [[1], [1]]),
    ('01 10', [[0], [1]]),
    ('10 01', [[1], [0]]),
    ('1', [[0], [0]]),
    ('11', [[0, 1], [0, 1]]),
])
def test_affinity(server, conf, written, wanted):
    s = server(conf(main=f'worker_processes 2; worker_cpu_affinity {written};'))
    assert sorted(affinities(s)) == sorted(wanted)


@pytest.mark.skipif(len(cpus()) < 2 or cpus()[:2] != [0, 1], reason='needs the CPUs 0 and 1')
def test_a_successor_has_the_cpu_of_its_predecessor(server, conf):
    s = server(conf(main='worker_processes 2; worker_cpu_affinity auto;'))
    victim = s.workers()[1]
    wanted = os.sched_getaffinity(victim)
    others = set(s.workers())
    os.kill(victim, signal.SIGTERM)
    new = wait_for(lambda: set(s.workers()) - others, 'a successor').pop()
    assert os.sched_getaffinity(new) == wanted
    s._base = {}


def test_too_few_masks_warn(server, conf):
    s = server(conf(main='worker_processes 3; worker_cpu_affinity 01 01;'))
    assert affinities(s) == [[0], [0], [0]]
    assert ('[warn]' in s.read('logs/output') and 'the number of "worker_processes" is not equal to the number of '
            '"worker_cpu_affinity" masks, using last mask for remaining worker processes' in s.read('logs/output'))


@pytest.mark.parametrize('written, nice', [('5', 5), ('-5', -5), ('0', 0)])
def test_priority(server, conf, written, nice):
    if nice < 0 and os.geteuid() != 0:
        pytest.skip('only root may raise priorities')
    own = os.getpriority(os.PRIO_PROCESS, 0)
    s = server(conf(main=f'worker_priority {written};'))
    assert [os.getpriority(os.PRIO_PROCESS, pid) for pid in s.workers()] == [nice or own] * 2
    assert os.getpriority(os.PRIO_PROCESS, s.process.pid) == own


# Limits

def test_limits(server, conf):
    s = server(conf(main='worker_rlimit_nofile 700; worker_rlimit_core 5m;'))
    for pid in s.workers():
        assert limit(pid, 'Max open files') == (b'700', b'700')
        assert limit(pid, 'Max core file size') == (b'5242880', b'5242880')
    assert limit(s.process.pid, 'Max open files')[0] == str(resource.getrlimit(resource.RLIMIT_NOFILE)[0]).encode()


def test_limits_change_on_reload(server, conf):
    s = server(conf(main='worker_rlimit_nofile 700;'))
    s.reload(s.read('conf/nginx.conf').replace('nofile 700', 'nofile 800'))
    assert {limit(pid, 'Max open files') for pid in s.workers()} == {(b'800', b'800')}


def test_more_connections_than_files_warn(server, conf):
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    s = server(conf(events=f'worker_connections {soft + 1};'))
    assert f'[warn]' in s.read('logs/output')
    assert f'{soft + 1} worker_connections exceed open file resource limit: {soft}' in s.read('logs/output')


# Environment, folder, title

@pytest.mark.sluice_only('it has read the time zone before it sets the variable')
def test_time_zone_of_the_workers(server, conf):
    log = "log_format zone '$time_local'; access_log logs/zone.log zone;"
    s = server(conf(main='env TZ=XYZ-5:30;', http=log))
    s.get('/')
    assert s.access(1, 'logs/zone.log')[0].endswith('+0530')


def test_environment_of_a_new_binary(daemon, conf, monkeypatch, tmp_path):
    """It is replaced by a script that writes down what it was given."""
    for name, value in {'KEPT': 'kept value', 'LOST': 'x', 'OVERWRITTEN': 'old', 'TZ': 'UTC'}.items():
        monkeypatch.setenv(name, value)
    program = tmp_path / 'program'
    program.symlink_to(pathlib.Path(binary.path()).resolve())
    s = daemon(conf(main="env KEPT; env OVERWRITTEN=new; env 'SET=a=b c'; env NOT_THERE;"), server_binary=str(program))
    s.excuse('new binary process|changing binary|rename')
    program.unlink()
    program.write_text(f'#!/bin/sh\nenv > {s.prefix}/logs/env.part\nmv {s.prefix}/logs/env.part {s.prefix}/logs/env\nexit 3\n')
    program.chmod(0o755)
    s.signal('USR2')
    wait_for((s.prefix / 'logs/env').exists, lambda: f'the new binary:\n{s.log()}')
    given = dict(line.split('=', 1) for line in s.read('logs/env').splitlines())
    for name in ('PWD', 'SHLVL', '_', 'OLDPWD', 'SPARE'):  # the shell's own, and room for a title
        given.pop(name, None)
    sockets = given.pop('NGINX')
    assert re.fullmatch(r'\d+;', sockets)
    assert given == {'KEPT': 'kept value', 'OVERWRITTEN': 'new', 'SET': 'a=b c', 'TZ': 'UTC'}
    s.wait_log(r'new binary process \d+ exited with code 3')
    wait_for(lambda: s.read('logs/server.pid').strip() == str(s.process.pid), 'the pid file in its place again')
    assert s.get('/none').status == 404


def test_working_directory(server, conf):
    s = server(conf(main='working_directory %%PREFIX%%/html;'))
    assert {os.readlink(f'/proc/{pid}/cwd') for pid in s.workers()} == {str(s.prefix / 'html')}
    assert os.readlink(f'/proc/{s.process.pid}/cwd') == str(s.prefix)


def test_working_directory_that_is_missing(server, conf):
    s = server(conf(main='worker_processes 1;'))
    before = s.workers()
    s.excuse('chdir|exited with fatal code 2|no worker of the new configuration')
    s.write('conf/nginx.conf', s.read('conf/nginx.conf').replace('worker_processes 1;', f'worker_processes 1; working_directory {s.prefix}/none;'))
    s.signal('HUP')
    s.wait_log(rf'\[alert\] \d+#\d+: chdir\("{s.prefix}/none"\) failed \(2: No such file or directory\)')
    s.wait_log(r'\[alert\] \d+#\d+: worker process \d+ exited with fatal code 2 and cannot be respawned')
    if binary.is_nginx(binary.path()):
        wait_for(lambda: not s.workers(), 'the end of the old worker: nobody serves now')
        s.write('conf/nginx.conf', s.read('conf/nginx.conf').replace(f'working_directory {s.prefix}/none;', ''))
        return s.reload()
    s.wait_log('the old configuration stays in force')
    assert s.workers() == before and s.get('/none').status == 404


def test_titles(server, conf):
    s = server(conf())
    command = f'{s.binary} -p {s.prefix}/ -c conf/nginx.conf -e logs/error.log -g daemon off;'
    assert re.fullmatch(rf'\w+: master process {re.escape(command)}( user root;)?', processes.title(s.process.pid))
    assert {re.sub(r'^\w+: ', '', processes.title(pid)) for pid in s.workers()} == {'worker process'}
    busy = s.connect().send('GET / HTTP/1.1\r\n')
    assert s.get('/none').status == 404  # and the connection before was accepted
    pids = s.workers()
    s.signal('QUIT')
    wait_for(lambda: any('worker process is shutting down' in processes.title(pid) for pid in pids), 'the title of one that leaves')
    busy.close()
    assert s.process.wait(10) == 0
    s.process = None
