"""Broken configurations: -t says what nginx says, with its exit code; ours then shows the line and a caret. Odd ones that are taken, and
those that we judge otherwise, with the reason. And the warnings."""
import pathlib
import re
import subprocess

import pytest

from lib import binary, tls

DATA = pathlib.Path(__file__).resolve().parent.parent / 'data'


def cases(file):
    """(name, text) of each block of the file."""
    for block in re.split(r'^= ', (DATA / file).read_text(), flags=re.M)[1:]:
        name, _, text = block.partition('\n')
        text = re.sub(r'@(\d+)@', lambda found: 'a' * int(found[1]), text)
        for mark, byte in ODD_BYTES.items():
            text = text.replace(mark, byte)
        yield name, text.rstrip('\n') + ('' if name.endswith('without newline') else '\n')


def differences():
    """(name, ours, text) of each block of config_differences.txt; a reason must stand in each."""
    for name, block in cases('config_differences.txt'):
        why, ours, text = block.split('\n', 2)
        assert len(why) > len('why: a few') and ours.startswith('ours: ')
        yield name, ours.removeprefix('ours: '), text


# What a file of texts can't hold: `@400@` is a word of that many letters.
ODD_BYTES = {'@NUL@': '\0', '@BOM@': '\ufeff', '@BYTES@': '\udcff\udcfe'}

TABLE = list(cases('config_errors.txt'))
TAKEN = list(cases('config_taken.txt'))
WARNED = list(cases('config_warnings.txt'))
DIFFERENCES = list(differences())
# What the cases about TLS name: a.test.pem and .key belong together, b.test.key does not; one is encrypted.
TLS_FILES = {**tls.files('a.test', 'b.test'), 'conf/locked.key': tls.locked_key('a.test', b'secret'), 'conf/passwords': b'wrong\nalso wrong\n',
             'conf/short': b'x' * 47}


def whole(text):
    """Wraps what is not a whole file: `http:` and `server:` and `location:` in front say where the rest stands."""
    place, _, rest = text.partition(':\n')
    if place == 'main':
        return rest
    opening = {'events': 'events {', 'http': 'events {} http {', 'server': 'events {} http { server { listen 127.0.0.1:1;',
               'location': 'events {} http { server { listen 127.0.0.1:1; location / {'}[place]
    return f'{opening}\n{rest}' + '}' * (opening.count('{') - opening.count('}')) + '\n'


def run(server_binary, folder, text):
    """(exit code, lines) of -t."""
    for name in ('conf', 'logs'):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / 'conf/mime.types').write_text('types { text/html html; }\n')
    for name, content in TLS_FILES.items():
        (folder / name).write_bytes(content)
    (folder / 'conf/nginx.conf').write_text(text, errors='surrogateescape')
    pid = [] if re.search(r'^\s*pid\b', text, re.M) else ['-g', 'pid logs/test.pid;']
    done = subprocess.run([server_binary, '-t', '-p', f'{folder}/', '-c', 'conf/nginx.conf', '-e', 'logs/error.log', *pid],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, check=False)
    lines = done.stdout.decode(errors='replace').replace(str(folder), '/PREFIX').splitlines()
    return done.returncode, lines


def check(server_binary, folder, text):
    """(exit code, lines) of -t, without warnings."""
    code, lines = run(server_binary, folder, text)
    return code, [line for line in lines if not re.search(r'\[(warn|notice)\]', line)]


@pytest.mark.parametrize('name, text', TABLE, ids=[name.replace(' ', '-') for name, _ in TABLE])
def test_message(name, text, tmp_path):
    conf = whole(text)
    code, ours = check(binary.path(), tmp_path / 'run', conf)
    expected_code, theirs = check(binary.NGINX, tmp_path / 'run', conf)
    assert ours[:1] == theirs[:1] and code == expected_code
    assert expected_code == 1, 'nginx takes it: no error to compare'
    place = re.search(r' in /PREFIX/conf/nginx\.conf:(\d+)$', theirs[0])
    if place and not binary.is_nginx(binary.path()):
        lines = conf.encode(errors='surrogateescape').decode(errors='replace').splitlines()
        line = lines[min(int(place[1]), len(lines)) - 1].strip()[:80]  # longer ones are cut
        shown = '\n'.join(ours[1:])
        assert line in shown and '^' in shown


@pytest.mark.parametrize('name, text', TAKEN, ids=[name.replace(' ', '-') for name, _ in TAKEN])
def test_taken(name, text, tmp_path):
    outcomes = [check(server_binary, tmp_path / 'run', whole(text)) for server_binary in (binary.path(), binary.NGINX)]
    assert outcomes[0] == outcomes[1] and outcomes[0][0] == 0


@pytest.mark.parametrize('name, text', WARNED, ids=[name.replace(' ', '-') for name, _ in WARNED])
def test_warnings(name, text, tmp_path):
    outcomes = [run(server_binary, tmp_path / 'run', whole(text)) for server_binary in (binary.path(), binary.NGINX)]
    assert outcomes[0] == outcomes[1] and outcomes[0][0] == 0


@pytest.mark.parametrize('name, ours, text', DIFFERENCES, ids=[name.replace(' ', '-') for name, *_ in DIFFERENCES])
def test_difference(name, ours, text, tmp_path):
    (code, lines), theirs = (check(server_binary, tmp_path / 'run', whole(text)) for server_binary in (binary.path(), binary.NGINX))
    assert (code, lines[:1]) != (theirs[0], theirs[1][:1]), 'nginx does the same: no difference to explain'
    assert (code, lines[0]) == ((0, 'nginx: the configuration file /PREFIX/conf/nginx.conf syntax is ok') if ours == 'taken'
                                else (1, f'nginx: [emerg] {ours}'))


def test_table_is_large_enough():
    assert len(TABLE) >= 100 and len({name for name, _ in TABLE}) == len(TABLE)
