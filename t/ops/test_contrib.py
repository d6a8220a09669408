"""contrib/ does what it is for: logrotate rotates, systemd accepts the unit, bash completes."""
import pathlib
import re
import shutil
import subprocess

import pytest

from lib import binary
from lib.wait import wait_for

pytestmark = pytest.mark.sluice_only('contrib/ is ours')
CONTRIB = binary.ROOT / 'contrib'


def filled(name, **values):
    """A file of contrib/ with its @NAMES@ replaced, as `make install` does."""
    text = (CONTRIB / name).read_text()
    for key, value in values.items():
        text = text.replace(f'@{key}@', str(value))
    assert not re.search(r'@\w+@', text), 'a name is left'
    return text


# logrotate

@pytest.mark.skipif(not shutil.which('logrotate', path='/usr/sbin:/usr/bin'), reason='logrotate is not installed (mk/deps test)')
def test_logrotate(server, conf):
    s = server(conf())
    rules = s.write('rules', filled('sluice.logrotate.in', LOG_DIR=s.prefix / 'logs', PID_PATH=s.prefix / 'logs/server.pid'))
    rules.chmod(0o644)

    def rotate():
        done = subprocess.run(['/usr/sbin/logrotate', '--force', '--state', str(s.prefix / 'state'), str(rules)],
                              capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stderr) == (0, '')

    def served(name):
        """A request whose line has arrived in the new log."""
        def arrived():
            s.get(name)
            return name in s.read('logs/access.log')
        wait_for(arrived, lambda: f'{name} in the new log')

    served('/one')
    rotate()
    served('/two')
    assert '/one' in s.read('logs/access.log.1') and '/one' not in s.read('logs/access.log')
    assert s.read('logs/error.log.1').count('reopening logs') >= 1
    rotate()
    served('/three')
    assert '/two' in s.read('logs/access.log.1')
    assert (s.prefix / 'logs/access.log.2.gz').exists() and not (s.prefix / 'logs/access.log.1.gz').exists()


@pytest.mark.skipif(not shutil.which('logrotate', path='/usr/sbin:/usr/bin'), reason='logrotate is not installed (mk/deps test)')
def test_logrotate_without_a_server(tmp_path):
    (tmp_path / 'access.log').write_text('line\n')
    rules = tmp_path / 'rules'
    rules.write_text(filled('sluice.logrotate.in', LOG_DIR=tmp_path, PID_PATH=tmp_path / 'none.pid'))
    rules.chmod(0o644)
    done = subprocess.run(['/usr/sbin/logrotate', '--force', '--state', str(tmp_path / 'state'), str(rules)],
                          capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, '')
    assert (tmp_path / 'access.log.1').read_text() == 'line\n'


# systemd

@pytest.mark.skipif(not shutil.which('systemd-analyze'), reason='there is no systemd-analyze here')
def test_systemd_accepts_the_unit(tmp_path):
    unit = tmp_path / 'sluice.service'
    unit.write_text(filled('sluice.service.in', SBIN_PATH=pathlib.Path(binary.path()).resolve(), PID_PATH='/run/sluice.pid'))
    done = subprocess.run(['systemd-analyze', 'verify', '--man=no', str(unit)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert 'sluice.service' not in done.stderr, done.stderr


def test_the_commands_of_the_unit_work(daemon, conf):
    """Those that systemd would run: the check, the start, the reload."""
    unit = filled('sluice.service.in', SBIN_PATH=binary.path(), PID_PATH='%pid%')
    commands = dict(re.findall(r'^(Exec\w+)=(.*)$', unit, re.M))
    assert commands['ExecStartPre'] == f'{binary.path()} -t -q' and commands['ExecStart'] == binary.path()
    assert commands['ExecReload'] == '/bin/kill -s HUP $MAINPID' and re.search(r'^ExecReload=\S+ -t -q$', unit, re.M)
    s = daemon(conf())
    options = ['-p', f'{s.prefix}/', '-c', 'conf/nginx.conf', '-e', 'logs/error.log']
    done = subprocess.run([*commands['ExecStartPre'].split(), *options], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')
    before = s.workers()
    subprocess.run(commands['ExecReload'].replace('$MAINPID', str(s.pid())).split(), timeout=20, check=True)
    wait_for(lambda: s.workers() and not set(before) & set(s.workers()), 'new workers')
    s.follow(s.process)


# bash

def completions(*words):
    """What TAB offers behind these words."""
    script = f'''
        source {CONTRIB}/sluice.bash-completion
        complete -p sluice > /dev/null || exit 1
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
        _sluice && printf '%s\\n' "${{COMPREPLY[@]}}"'''
    done = subprocess.run(['bash', '--norc', '-c', script, 'bash', binary.path(), *words], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, '')
    return set(done.stdout.split())


def test_completion_of_options():
    help_text = subprocess.run([binary.path(), '-h'], capture_output=True, text=True, timeout=20, check=True).stderr
    options = set(re.findall(r'^  (-\S+?),?\s', help_text, re.M)) | {'-h'}
    assert completions('') == completions('-') == options
    assert completions('--list') == {'--list-directives', '--list-variables'}


@pytest.mark.parametrize('start, wanted', [('', {'stop', 'quit', 'reopen', 'reload'}), ('re', {'reopen', 'reload'}), ('x', set())])
def test_completion_of_signals(start, wanted):
    assert completions('-s', start) == wanted


def test_completion_of_files(tmp_path):
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'file.conf').touch()
    assert completions('-c', f'{tmp_path}/f') == {f'{tmp_path}/folder', f'{tmp_path}/file.conf'}
    assert completions('-t', '-e', f'{tmp_path}/fi') == {f'{tmp_path}/file.conf'}
    assert completions('-p', f'{tmp_path}/f') == {f'{tmp_path}/folder'}


def test_completion_of_directives():
    assert {'worker_processes', 'worker_connections'} <= completions('--help-directive', 'worker_')
    assert completions('--help-directive', 'worker_proc') == {'worker_processes'}
