"""error_log FILE LEVEL json: the lines of the text form as JSON objects, valid whatever a peer sends."""
import json
import re
import socket
import subprocess

import pytest

from lib import binary
from lib.wait import wait_for

pytestmark = pytest.mark.sluice_only('the form is our own')

QUOTED = ('request', 'subrequest', 'upstream', 'host', 'referrer')
CONF = '''error_log logs/text.log info; error_log logs/json.log info json; error_log logs/crit.log crit json;
    server { listen 127.0.0.1:%%main%%; server_name a.example; location / { root html; }
        location /up { proxy_pass http://127.0.0.1:%%up%%; } location /page/ { alias html/; add_after_body /none; } location /own { error_log logs/own.log json; } }'''


def objects(s, name='logs/json.log'):
    """Python takes nothing but UTF-8 here."""
    return [json.loads(line.decode()) for line in (s.prefix / name).read_bytes().splitlines()]


def as_text(line):
    """The text form of an object, time apart."""
    connection = f'*{line["connection"]} ' if 'connection' in line else ''
    fields = [f', {name}: "{value}"' if name in QUOTED else f', {name}: {value}' for name, value in list(line.items())[5 + ('connection' in line):]]
    text = f'[{line["level"]}] {line["pid"]}#{line["tid"]}: {connection}{line["message"]}{"".join(fields)}'
    return re.sub(r'[\x00-\x1f\x7f]', lambda c: f'\\x{ord(c[0]):02X}', text)


def lines_of_text(s):
    """What is no UTF-8 as the JSON has it."""
    text = b''.join(re.findall(rb'^\S+ \S+ (.*\n)', (s.prefix / 'logs/text.log').read_bytes(), re.M))
    return re.sub(r'[\udc80-\udcff]', lambda c: f'\\x{ord(c[0]) - 0xdc00:02X}', text.decode(errors='surrogateescape')).splitlines()


@pytest.fixture
def site(server):
    s = server(CONF, ports={'up': 1}, files={'html/page.html': 'page'})
    s.excuse('')
    return s


def test_fields(site):
    r = site.get('/none?"x"', {'Referer': 'http://r/\\'}, host='h.example')
    assert r.status == 404
    site.wait_log('none', 'logs/json.log')
    line, = objects(site)
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d', line.pop('time'))
    assert line.pop('pid') == line.pop('tid') == site.workers()[0]
    assert line.pop('connection') > 0
    assert line == {'level': 'error', 'message': f'open() "{site.prefix}/html/none" failed (2: No such file or directory)', 'client': '127.0.0.1',
                    'server': 'a.example', 'request': 'GET /none?"x" HTTP/1.1', 'host': 'h.example', 'referrer': 'http://r/\\'}
    assert site.read('logs/crit.log') == ''


def test_the_same_is_said_as_in_text(site):
    site.get('/none')
    assert site.get('/up/x?y', {'Referer': 'r'}).status == 502
    site.get('/page/page.html')
    site.raw(b'nonsense\r\n\r\n')
    site.raw(b'GET /' + b'\xe4\xff' * 3 + '/äöü/€/😀'.encode() + b'\xed\xa0\x80\xc0\x80\xf4\x90\x80\x80\xe2\x82 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nReferer: \xff"\\\r\n\r\n')
    site.raw(b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX\x01\x1b\0\x7f\xff: a\r\n\r\n')
    wait_for(lambda: len(objects(site)) == len(lines_of_text(site)) and len(objects(site)) >= 6, lambda: site.read('logs/json.log'))
    assert [as_text(line) for line in objects(site)] == lines_of_text(site)
    named = {name for line in objects(site) for name in line}
    assert named == {'time', 'level', 'pid', 'tid', 'connection', 'message', 'client', 'server', *QUOTED}


@pytest.mark.parametrize('filler', ['a', '"', '\x01', '€', '\udcff'], ids=['plain', 'quote', 'control', 'euro', 'broken'])
def test_a_long_line_is_cut_and_whole(site, filler):
    """A character of several bytes may be cut itself."""
    for length in (1900, 1990, 2500):
        target = filler * (length // len(filler.encode(errors='surrogateescape')))
        site.raw(f'GET /none HTTP/1.1\r\nHost: a\r\nReferer: {target}\r\nConnection: close\r\n\r\n'.encode(errors='surrogateescape'))
    wait_for(lambda: site.read('logs/json.log').count('/none HTTP/1.1') >= 3 or (filler == '\x01' and len(objects(site)) >= 3))
    for line in objects(site):
        assert len(line.get('referrer', '').encode()) <= 2048 * 4


def test_own_targets_levels_and_reopening(site):
    site.get('/before')
    site.get('/own')
    site.wait_log('/own', 'logs/own.log')
    assert {line['level'] for line in objects(site, 'logs/own.log')} == {'error'}
    (site.prefix / 'logs/json.log').rename(site.prefix / 'logs/old.log')
    site.signal('USR1')
    wait_for(lambda: (site.prefix / 'logs/json.log').exists(), 'a new file')
    wait_for(lambda: site.get('/after').status and 'after' in site.read('logs/json.log'), 'lines in it')
    assert objects(site) and objects(site, 'logs/old.log')


def test_stderr_and_syslog(server):
    """Syslog has its header and no second time."""
    syslog = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    syslog.bind(('127.0.0.1', 0))
    syslog.settimeout(5)
    s = server('server { listen 127.0.0.1:%%main%%; }', ports={'log': syslog.getsockname()[1]},
               main='error_log logs/error.log info; error_log stderr info json; error_log syslog:server=127.0.0.1:%%log%%,tag=err error json;')
    s.spare_descriptors(1)
    s.get('/none')
    datagram = re.fullmatch(rb'<187>\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ err: (.*)', syslog.recv(4000))
    assert json.loads(datagram[1])['request'] == 'GET /none HTTP/1.1'
    s.wait_log('none', 'logs/output')
    assert {'notice', 'error'} <= {line['level'] for line in objects(s, 'logs/output')}
    syslog.close()


@pytest.mark.parametrize('words, message', [
    ('f json json', 'invalid log level "json"'), ('f json info', 'invalid log level "json"'), ('f jsn', 'invalid log level "jsn"'),
    ('f info json', None), ('json', None), ('f json', None), ('stderr json', None), ('syslog:server=127.0.0.1 info json', None),
])
def test_words(tmp_path, words, message):
    (tmp_path / 'logs').mkdir()
    (tmp_path / 'c.conf').write_text(f'error_log {words}; pid logs/p.pid; events {{ }}')
    done = subprocess.run([binary.path(), '-p', f'{tmp_path}/', '-c', 'c.conf', '-e', 'stderr', '-t'], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == (message is not None), done.stderr
    assert message is None or message in done.stderr
