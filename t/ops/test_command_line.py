"""The command line: what each option prints, and the exit codes that scripts rely on."""
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from lib import binary, processes
from lib.wait import wait_for

OURS = pytest.mark.sluice_only('the option is our own')


class Program:
    """The server's binary with a prefix of its own."""

    def __init__(self, prefix):
        self.prefix = prefix
        (prefix / 'logs').mkdir()
        (prefix / 'conf').mkdir()

    def write(self, text, name='conf/test.conf'):
        path = self.prefix / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(self, *arguments, program=None):
        """(exit code, stdout, stderr) with the prefix written as /PREFIX."""
        done = subprocess.run([program or binary.path(), *arguments], capture_output=True, text=True, timeout=30, check=False)
        return done.returncode, *(text.replace(str(self.prefix), '/PREFIX') for text in (done.stdout, done.stderr))

    def configured(self, *arguments, error_log='logs/error.log', program=None):
        """run() with this prefix and conf/test.conf."""
        return self.run('-p', str(self.prefix), '-c', 'conf/test.conf', '-e', error_log, *arguments, program=program)


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path)


GOOD = 'pid logs/test.pid;\nevents {\n    worker_connections 64;\n}\n'


def test_version(program):
    code, out, err = program.run('-v')
    assert (code, out) == (0, '')
    assert re.fullmatch(r'nginx version: \w+/\d+\.\d+\.\d+\n', err)


@pytest.mark.skipif(not shutil.which('cc'), reason='there is no C compiler here')
def test_library_that_asks_for_variables_at_the_end(program, tmp_path, monkeypatch):
    """As libfaketime and profilers do, which are loaded by LD_PRELOAD and end after the program."""
    source = program.write('extern char **environ;\n__attribute__((destructor)) static void end(void) {\n'
                           '    int n = 0;\n    for (char **e = environ; *e; e++) n += **e;\n    if (n == 0) __builtin_trap();\n}\n', 'asking.c')
    subprocess.run(['cc', '-shared', '-fPIC', '-o', tmp_path / 'asking.so', source], check=True)
    monkeypatch.setenv('LD_PRELOAD', str(tmp_path / 'asking.so'))
    monkeypatch.setenv('ASAN_OPTIONS', 'verify_asan_link_order=0')
    assert program.run('-v')[0] == 0


def test_build(program):
    code, out, err = program.run('-V')
    assert (code, out) == (0, '')
    assert re.match(r'nginx version: \w+/\d', err)
    assert re.search(r'^built (by|with) ', err, re.M)
    assert re.search(r'^configure arguments: ', err, re.M)


@pytest.mark.parametrize('option', ['-h', '-?', '-?v', '-vh'])
def test_help(program, option):
    code, out, err = program.run(option)
    assert (code, out) == (0, '')
    assert err.startswith('nginx version: ') and re.search(r'^usage: \w+ \[-\?hvV', err, re.M | re.I)
    for letter in 'vVtTqspecg':
        assert re.search(rf'^\s+-{letter}\b', err, re.M)


@pytest.mark.parametrize('arguments, message', [
    (['-x'], 'invalid option: "x"'),
    (['-tx'], 'invalid option: "x"'),
    (['word'], 'invalid option: "word"'),
    (['-s'], 'option "-s" requires parameter'),
    (['-s', 'kill'], 'invalid option: "-s kill"'),
    (['-skill'], 'invalid option: "-s kill"'),
    (['-c'], 'option "-c" requires file name'),
    (['-e'], 'option "-e" requires file name'),
    (['-p'], 'option "-p" requires directory name'),
    (['-g'], 'option "-g" requires parameter'),
])
def test_bad_option(program, arguments, message):
    assert program.run(*arguments) == (1, '', f'nginx: {message}\n')


@pytest.mark.parametrize('option', ['-g', '-e'])
def test_empty_value(program, option):
    """Scripts write -g "$OPTIONS". An empty name of the error log is the standard error output."""
    program.write(GOOD)
    assert program.configured('-tq', option, '') == (0, '', '')


def test_empty_prefix(program):
    """Relative names start from the working directory."""
    program.write(GOOD)
    done = subprocess.run([binary.path(), '-tq', '-p', '', '-c', 'conf/test.conf', '-e', 'logs/error.log'], cwd=program.prefix, timeout=30, check=False)
    assert done.returncode == 0 and (program.prefix / 'logs/error.log').exists()


def test_empty_file_name(program):
    program.write(GOOD)
    code, _, err = program.run('-t', '-p', str(program.prefix), '-c', '', '-e', 'stderr')
    assert code == 1 and 'read() "/PREFIX/" failed (21: Is a directory)' in err


@pytest.mark.parametrize('option', ['-t', '-tv'])
def test_good_configuration(program, option):
    program.write(GOOD)
    code, out, err = program.configured(option)
    lines = [line for line in err.splitlines() if not line.startswith('nginx version')]
    assert (code, out) == (0, '')
    assert lines == ['nginx: the configuration file /PREFIX/conf/test.conf syntax is ok',
                     'nginx: configuration file /PREFIX/conf/test.conf test is successful']


@pytest.mark.parametrize('options', [['-tq'], ['-t', '-q'], ['-q', '-t']])
def test_quiet(program, options):
    program.write(GOOD)
    assert program.configured(*options) == (0, '', '')


def test_bad_configuration(program):
    program.write('events {}\nnonsense on;\n')
    code, out, err = program.configured('-t')
    lines = err.splitlines()
    assert (code, out) == (1, '')
    assert lines[0] == 'nginx: [emerg] unknown directive "nonsense" in /PREFIX/conf/test.conf:2'
    assert lines[-1] == 'nginx: configuration file /PREFIX/conf/test.conf test failed'
    assert re.search(r'\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[emerg\] \d+#\d+: unknown directive "nonsense" in ',
                     (program.prefix / 'logs/error.log').read_text())


def test_error_after_the_syntax_was_found_ok(program):
    program.write('daemon off;\n')
    code, _, err = program.configured('-t')
    lines = err.splitlines()
    assert code == 1
    assert lines == ['nginx: the configuration file /PREFIX/conf/test.conf syntax is ok',
                     'nginx: [emerg] no "events" section in configuration',
                     'nginx: configuration file /PREFIX/conf/test.conf test failed']


def test_quiet_does_not_hide_errors(program):
    program.write('nonsense;\n')
    code, _, err = program.configured('-tq')
    assert code == 1 and err.startswith('nginx: [emerg] unknown directive')


def test_bad_configuration_does_not_start(program):
    program.write('nonsense;\n')
    code, _, err = program.configured()
    assert code == 1 and err.startswith('nginx: [emerg] unknown directive')
    assert not (program.prefix / 'logs/test.pid').exists()


def test_missing_file(program):
    code, _, err = program.configured('-t')
    assert code == 1
    assert err.splitlines()[0] == 'nginx: [emerg] open() "/PREFIX/conf/test.conf" failed (2: No such file or directory)'


def test_dump(program):
    program.write('include more/*.conf;\n' + GOOD)
    program.write('# first\n', 'conf/more/a.conf')
    program.write('env B;\n', 'conf/more/b.conf')
    code, out, err = program.configured('-T')
    assert code == 0 and err.endswith('test is successful\n')
    assert out == ('# configuration file /PREFIX/conf/test.conf:\ninclude more/*.conf;\n' + GOOD + '\n'
                   '# configuration file /PREFIX/conf/more/a.conf:\n# first\n\n'
                   '# configuration file /PREFIX/conf/more/b.conf:\nenv B;\n\n')


def test_dump_of_a_bad_configuration_is_empty(program):
    program.write('nonsense;\n')
    code, out, _ = program.configured('-T')
    assert (code, out) == (1, '')


def test_directives_on_the_command_line(program):
    program.write(GOOD)
    assert program.configured('-tq', '-g', 'daemon off; worker_processes 2;') == (0, '', '')
    code, _, err = program.configured('-tq', '-g', 'daemon off')
    assert code == 1
    assert err.startswith('nginx: [emerg] unexpected end of parameter, expecting ";" in command line\n')
    code, _, err = program.configured('-tq', '-g', 'pid other;')
    assert err.startswith('nginx: [emerg] "pid" directive is duplicate in /PREFIX/conf/test.conf:1\n')


def test_error_log_to_stderr(program):
    program.write('nonsense;\n')
    code, _, err = program.configured('-t', error_log='stderr')
    assert code == 1
    assert re.match(r'\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[emerg\] \d+#\d+: unknown directive "nonsense"', err)
    assert err.count('unknown directive') == 1


def test_error_log_that_cannot_be_opened(program):
    program.write('error_log stderr;\n' + GOOD)
    code, _, err = program.configured('-t', error_log='nowhere/error.log')
    assert code == 0
    assert err.startswith('nginx: [alert] could not open error log file: open() "/PREFIX/nowhere/error.log" failed '
                          '(2: No such file or directory)\n')


def test_a_test_leaves_the_pid_file_alone(program):
    program.write(GOOD)
    pid = program.write('4711\n', 'logs/test.pid')
    assert program.configured('-tq')[0] == 0
    assert pid.read_text() == '4711\n'


@pytest.mark.parametrize('content, message', [
    (None, 'open() "/PREFIX/logs/test.pid" failed (2: No such file or directory)'),
    ('', 'invalid PID number "" in "/PREFIX/logs/test.pid"'),
    ('word\n', 'invalid PID number "word" in "/PREFIX/logs/test.pid"'),
])
def test_signal_without_a_server(program, content, message):
    program.write(GOOD)
    if content is not None:
        program.write(content, 'logs/test.pid')
    code, _, err = program.configured('-s', 'reload')
    assert code == 1 and f'nginx: [error] {message}\n' in err


def test_signal_with_a_bad_configuration(program):
    program.write('nonsense;\n')
    code, _, err = program.configured('-s', 'stop')
    assert code == 1 and err.startswith('nginx: [emerg] unknown directive "nonsense"')


def test_a_test_wins_over_a_signal(program):
    program.write(GOOD)
    program.write(f'{os.getpid()}\n', 'logs/test.pid')  # which would hear of it
    for options in (['-s', 'stop', '-t'], ['-tq', '-sstop']):
        code, out, err = program.configured(*options)
        assert (code, out) == (0, '') and ('syntax is ok' in err) == ('-t' in options)


def test_help_and_version_go_before_the_test(program):
    program.write(GOOD)
    for option, first in (('-vt', 'nginx version: '), ('-Vt', 'nginx version: '), ('-ht', 'nginx version: ')):
        code, out, err = program.configured(option)
        assert (code, out) == (0, '') and err.startswith(first) and err.endswith('test is successful\n')
    program.write('nonsense;\n')
    assert program.configured('-vt')[0] == 1
    assert program.configured('-v')[0] == 0


def test_quiet_dump(program):
    program.write(GOOD)
    code, out, err = program.configured('-T', '-q')
    assert (code, err) == (0, '') and out == f'# configuration file /PREFIX/conf/test.conf:\n{GOOD}\n'


@pytest.mark.parametrize('options, shown', [
    (['-p', '{prefix}', '-c', 'conf/test.conf'], '/PREFIX/conf/test.conf'),
    (['-p', '{prefix}/', '-c', './conf/test.conf'], '/PREFIX/./conf/test.conf'),
    (['-p{prefix}', '-cconf/test.conf'], '/PREFIX/conf/test.conf'),
    (['-p', '/nowhere', '-c', '{prefix}/conf/test.conf', '-g', 'pid {prefix}/logs/x.pid;'], '/PREFIX/conf/test.conf'),
])
def test_prefix_and_file(program, options, shown):
    program.write('events {}\n')
    words = [word.format(prefix=program.prefix) for word in options]
    pid = [] if '-g' in words else ['-g', 'pid logs/x.pid;']
    code, _, err = program.run('-e', 'stderr', '-t', *words, *pid)
    assert code == 0, err
    assert f'nginx: the configuration file {shown} syntax is ok\n' in err


def test_includes_start_from_the_folder_of_the_file(program):
    program.write('include part.conf;\n' + GOOD)
    program.write('env A;\n', 'conf/part.conf')
    assert program.configured('-tq') == (0, '', '')


def test_modules_of_the_build_are_listed(program):
    """Tools look for these options."""
    text = program.run('-V')[2]
    assert '--with-http_stub_status_module' in text.partition('configure arguments: ')[2]


@OURS
def test_by_the_name_of_nginx(program):
    link = program.prefix / 'nginx'
    link.symlink_to(pathlib.Path(binary.path()).resolve())
    program.write(GOOD)
    assert program.configured('-tq', program=str(link)) == (0, '', '')
    assert program.run('-m', program=str(link))[:2] == program.run('-m')[:2]
    assert program.run('-v', program=str(link)) == program.run('-v')


def test_a_link_is_started_and_signalled(program):
    """Found through PATH, as a service script does it."""
    (program.prefix / 'bin').mkdir()
    (program.prefix / 'bin/nginx').symlink_to(pathlib.Path(binary.path()).resolve())
    user = 'user root;\n' if os.geteuid() == 0 else ''
    program.write(user + GOOD)

    def run(*arguments):
        done = subprocess.run(['nginx', '-p', str(program.prefix), '-c', 'conf/test.conf', '-e', 'logs/error.log', *arguments],
                              env={'PATH': f'{program.prefix}/bin'}, capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, '', '')
    run()
    pid = int((program.prefix / 'logs/test.pid').read_text())
    try:
        wait_for(lambda: 'nginx: master process nginx -p' in processes.title(pid), lambda: processes.title(pid))
        run('-s', 'reopen')
        run('-s', 'quit')
        wait_for(lambda: not processes.alive(pid), 'the end')
    finally:
        if processes.alive(pid):
            for one in [*processes.descendants(pid), pid]:
                os.kill(one, signal.SIGKILL)
    assert not (program.prefix / 'logs/test.pid').exists()


@OURS
def test_listings(program):
    code, out, err = program.run('--list-directives')
    rows = [line.split('\t') for line in out.splitlines()]
    assert (code, err) == (0, '')
    assert all(len(row) == 6 for row in rows)
    assert ['event_core', 'worker_connections', 'events', '512', 'worker_connections number;'] in [row[:5] for row in rows]
    assert ['conf', 'include', 'any', ''] in [row[:4] for row in rows]
    assert [row[1] for row in rows if 'ARGUMENT' in row[4]] == []
    assert [row[1] for row in rows if row[4].count('{ ... }') > 1 or '| ... |' in row[4]] == []
    code, out, err = program.run('--list-variables')
    assert (code, err) == (0, '')
    assert all(len(row.split('\t')) == 4 and '$' in row for row in out.splitlines())


@OURS
def test_help_directive(program):
    code, out, err = program.run('--help-directive', 'worker_processes')
    assert (code, err) == (0, '')
    assert 'syntax:  worker_processes number | auto;\ndefault: 1\ncontext: main\nmodule:  core\n' in out
    for name, default in ('listen', '*:80'), ('types', 'text/html html; image/gif gif; image/jpeg jpg;'):
        assert f'\ndefault: {default}\n' in program.run('--help-directive', name)[1]
    for name, words in ('add_before_body', 'uri'), ('default_type', 'mime-type'), ('post_action', 'uri'):
        assert f'syntax:  {name} {words};\n' in program.run('--help-directive', name)[1]
    code, out, err = program.run('--help-directive', 'worker_process')
    assert (code, out) == (1, '')
    assert err == 'nginx: unknown directive "worker_process"; did you mean "worker_processes"?\n'


@OURS
def test_modules_are_listed_and_indexed(program):
    index = pathlib.Path(os.path.dirname(os.path.realpath(binary.path()))) / 'modules/modules.index'
    code, out, err = program.run('-m')
    assert (code, err) == (0, '')
    files = {line.split('\t')[2] for line in out.splitlines()} - {'built in'}
    assert files == {path.name for path in index.parent.glob('*.so')}
    assert files == {line.split('\t')[0] for line in index.read_text().splitlines() if not line.startswith('#')}


@OURS
def test_two_may_write_the_index_at_once(program):
    runs = [subprocess.Popen([binary.path(), '-m'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(8)]
    outputs = {(*run.communicate(timeout=30), run.returncode) for run in runs}
    assert outputs == {(program.run('-m')[1], '', 0)}


@OURS
def test_missing_module(program):
    program.write('load_module modules/none.so;\n' + GOOD)
    code, _, err = program.configured('-t')
    assert code == 1
    assert err.splitlines()[:3] == [
        'nginx: [emerg] dlopen() "/PREFIX/modules/none.so" failed (/PREFIX/modules/none.so: cannot open shared object '
        'file: No such file or directory) in /PREFIX/conf/test.conf:1',
        '    1 | load_module modules/none.so;',
        '      |             ^']
