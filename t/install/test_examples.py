"""examples/modules: built out of tree against an install and loaded by their directives, and built with the server by
--add-dynamic-module and loaded by load_module; what they do is the same, and is what their first lines say."""
import dataclasses
import re
import shutil
import subprocess
import time

import pytest
from staging import BUILD, ROOT, Stage, make

from lib import processes
from lib.wait import takes, wait_for

EXAMPLES = sorted(path.parent for path in (ROOT / 'examples/modules').glob('*/Makefile'))


@dataclasses.dataclass
class Built:
    """A server that has the examples, and what its configurations need for that."""
    binary: str
    main: str = ''
    events: str = ''


def build_out_of_tree(stage, folder):
    """Each example copied away from the sources, and installed with what `make install` of the server left."""
    own = Stage(folder / 'stage')
    shutil.copytree(stage.destdir, own.destdir)
    for example in EXAMPLES:
        source = folder / example.name
        shutil.copytree(example, source)
        make('CXXFLAGS=-O1 -g -Wall -Wextra -Werror', 'install', f'DESTDIR={own.destdir}', cwd=source, **own.sdk_environment)
    return Built(str(own.path('SBIN_PATH')))


def build_in_tree(folder):
    """A build folder of its own, of which only the modules are made; the server is the one that is there."""
    built = folder / 'build'
    paths = [EXAMPLES[0].relative_to(ROOT), *EXAMPLES[1:]]
    subprocess.run(['./configure', f'--builddir={built}', *(f'--add-dynamic-module={path}' for path in paths)], cwd=ROOT,
                   env={'PATH': '/usr/local/bin:/usr/bin:/bin', 'BUILDDIR_FIXED': '1'}, check=True, capture_output=True, timeout=120)
    files = [built / 'modules' / f'{path.name}.so' for path in EXAMPLES]
    make('-f', 'mk/build.mk', *map(str, files), BUILDDIR=str(built))
    return Built(str(BUILD / 'sluice'), ''.join(f'load_module {file};\n' for file in files), 'use epoll;')


@pytest.fixture(scope='module', params=['out-of-tree', 'in-tree'])
def built(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp('examples')
    if request.param == 'in-tree':
        return build_in_tree(folder)
    return build_out_of_tree(request.getfixturevalue('stage'), folder)


@pytest.fixture
def start(server, built):
    """start(conf) starts a server that has the examples."""
    return lambda conf, **options: server(conf, main=built.main, events=built.events, server_binary=built.binary, **options)


def refusal(built, folder, directive):
    """What -t says about a location with this directive."""
    (folder / 'logs').mkdir(exist_ok=True)
    conf = folder / 'test.conf'
    conf.write_text(f'{built.main}pid logs/pid;\nevents {{}}\nhttp {{ server {{ location / {{ {directive} }} }} }}\n')
    done = subprocess.run([built.binary, '-t', '-p', f'{folder}/', '-c', str(conf), '-e', 'stderr'], capture_output=True, text=True,
                          timeout=20, check=False)
    assert done.returncode == 1
    return done.stderr


def test_there_are_three():
    assert [path.name for path in EXAMPLES] == ['http_open_hours', 'http_replace_text', 'http_ticker']


def test_an_install_makes_them_and_their_directives_known(stage, tmp_path):
    binary = build_out_of_tree(stage, tmp_path).binary

    def ask(*options):
        return subprocess.run([binary, *options], capture_output=True, text=True, timeout=20, check=True).stdout
    listed = ask('-m')
    directives = [line.split('\t')[:2] for line in ask('--list-directives').splitlines()]
    for name in (path.name for path in EXAMPLES):
        assert f'{name}\thttp\t{name}.so\n' in listed
        own = [directive for module, directive in directives if module == name]
        assert len(own) == 3
        for directive in own:
            told = ask('--help-directive', directive)
            assert f'module:  {name}\n' in told and re.search(r'^ {9}\w', told, re.M) and 'ARGUMENT' not in told
    assert 'syntax:  ticker_interval time;\ndefault: 1s\ncontext: http, server, location\n' in ask('--help-directive', 'ticker_interval')


def test_the_guide_shows_what_is_there():
    sources = '\n'.join(path.read_text() for example in EXAMPLES for path in example.iterdir())
    guide = (ROOT / 'docs/writing-a-module.md').read_text()
    excerpts = re.findall(r'```(?:cpp|make)\n(.*?)```', guide, re.S)
    assert len(excerpts) >= 6
    for excerpt in excerpts:
        assert excerpt in sources, excerpt
    for name in re.findall(r'\]\(\.\./([^)]*)\)', guide):
        assert (ROOT / name).exists(), name


# --- http_open_hours: the access rule ---

def hours(distance, length):
    """A range of hours from `distance` hours after now on."""
    begin = time.localtime().tm_hour + distance
    return f'{begin % 24}-{(begin + length) % 24}'


# Neither changes when the hour does while the tests run.
OPEN, CLOSED = hours(-2, 5), hours(6, 6)


def test_open_hours_let_in_and_refuse(start):
    s = start(f'''
        open_hours {CLOSED};
        server {{
            listen 127.0.0.1:%%main%%;
            location / {{ return 200 "in $open_hours"; }}
        }}
        server {{
            listen 127.0.0.1:%%refusing%%;
            location / {{ root html; }}
            location /busy {{ open_hours_status 503; root html; }}
            location /open {{ open_hours {OPEN}; root html; location /open/day {{ root html; }} }}
            location /two {{ open_hours {CLOSED} {OPEN}; root html; }}
            location /always {{ open_hours 0-24; root html; }}
            location /staff {{ open_hours_unless $http_x_staff $arg_staff; root html; }}
            location /any {{ satisfy any; allow all; root html; }}
        }}''', files={f'html/{name}': 'x' for name in ('any', 'two', 'always', 'open/day', 'staff', 'busy', 'x')})

    def get(target, **fields):
        return s.get(target, port='refusing', headers={name.replace('_', '-'): value for name, value in fields.items()}).status
    assert s.get('/').body == b'in closed'  # return answers before access is asked
    assert get('/x') == 403 and get('/busy') == 503
    assert get('/open/day') == get('/two') == get('/always') == 200
    assert get('/staff') == 403 and get('/staff?staff=0') == 403
    assert get('/staff?staff=1') == get('/staff', X_Staff='yes') == 200
    assert get('/any') == 200
    s.wait_log(r'\[info\] .*: \*\d+ it is not open at this hour, client: 127\.0\.0\.1, server: , request: "GET /x HTTP/1\.1"')


@pytest.mark.parametrize('directive, message', [
    ('open_hours 8-25;', 'invalid range of hours "8-25"'), ('open_hours 8;', 'invalid range of hours "8"'),
    ('open_hours 24-8;', 'invalid range of hours "24-8"'), ('open_hours 8-12 9-9;', 'invalid range of hours "9-9"'),
    ('open_hours;', 'invalid number of arguments in "open_hours" directive'),
    ('open_hours 1-2; open_hours 3-4;', '"open_hours" directive is duplicate'),
    ('open_hours_status 200;', 'value must be between 400 and 599'),
    ('replace_text a;', 'a text to replace needs another one to put in its place'),
    ('replace_text "" b;', 'the text to replace is empty'),
    ('replace_text a $;', 'invalid variable name'),
    ('ticker on;', 'invalid number of arguments in "ticker" directive'),
    ('ticker_count 0;', 'value must be between 1 and 1000000'),
])
def test_a_mistake_is_told_with_its_place(built, tmp_path, directive, message):
    told = refusal(built, tmp_path, directive)
    line = 3 + built.main.count('\n')
    assert f'{message} in {tmp_path}/test.conf:{line}\n' in told and '^' in told


# --- http_replace_text: the body filter ---

# More than the server keeps of a file in memory.
LARGE = ''.join(f'{number:06} red, blue and re' + ('d' if number % 3 else 'a') + ' herring\n' for number in range(7000)).encode()


def test_replacement_in_files(start):
    s = start('''
        types { text/html html; text/plain txt; }
        log_format counts "$uri $replace_text_count";
        access_log logs/counts.log counts;
        server {
            listen 127.0.0.1:%%main%%;
            replace_text red green;
            location / { root html; }
            location /kept/ { root html; replace_text_types text/plain; replace_text_keeps_validators on; }
            location /all/ { root html; replace_text_types *; replace_text " red" "$arg_color"; }
            location /off/ { root html; replace_text off; }
        }''', files={'html/a.html': 'a red rose, red', 'html/a.txt': 'a red rose', 'html/kept/a.txt': 'red',
                     'html/all/a.bin': 'a red rose', 'html/off/a.html': 'a red rose', 'html/none.html': 'a rose', 'html/redre.html': 'redre',
                     'html/large.txt': LARGE, 'html/empty.html': ''})
    small = s.get('/a.html')
    assert small.body == b'a green rose, green' and small.headers['Transfer-Encoding'] == 'chunked'
    for name in ('Content-Length', 'ETag', 'Last-Modified', 'Accept-Ranges'):
        assert name not in small.headers
    assert s.get('/none.html').body == b'a rose' and s.get('/redre.html').body == b'greenre' and s.get('/empty.html').body == b''

    plain = s.get('/a.txt')
    assert plain.body == b'a red rose' and plain.headers['Content-Length'] == '10' and 'ETag' in plain.headers
    assert s.get('/large.txt').body == LARGE
    assert s.get('/off/a.html').body == b'a red rose'
    assert s.get('/all/a.bin?color=,').body == b'a, rose' and s.get('/all/a.bin').body == b'a rose'
    lines = s.access(8, 'logs/counts.log')
    assert lines[:3] == ['/a.html 2', '/none.html 0', '/redre.html 1']
    assert '/a.txt -' in lines


def test_replacement_in_a_large_file(start):
    s = start('''
        types { text/html html; }
        log_format counts "$replace_text_count";
        access_log logs/counts.log counts;
        server { listen 127.0.0.1:%%main%%; root html; sendfile on; replace_text red green; }''', files={'html/large.html': LARGE})
    assert s.get('/large.html').body == LARGE.replace(b'red', b'green')
    assert s.access(1, 'logs/counts.log') == [str(LARGE.count(b'red'))]


def test_replacement_and_what_the_head_says(start):
    s = start('''
        types { text/html html; }
        server {
            listen 127.0.0.1:%%main%%;
            replace_text red green;
            location / { root html; }
            location /kept/ { root html; replace_text_keeps_validators on; }
        }''', files={'html/a.html': 'a red rose', 'html/kept/a.html': 'a red rose'})
    head = s.request('HEAD', '/a.html')
    assert head.status == 200 and head.headers.names().count('Content-Length') == 0 and 'ETag' not in head.headers
    assert head.headers['Content-Type'] == 'text/html'

    kept = s.get('/kept/a.html')
    assert kept.body == b'a green rose' and kept.headers['ETag'].startswith('W/"') and 'Last-Modified' in kept.headers
    assert s.request('HEAD', '/kept/a.html').headers['ETag'] == kept.headers['ETag']
    assert s.get('/kept/a.html', headers={'If-None-Match': kept.headers['ETag']}).status == 304
    assert s.get('/kept/a.html', headers={'If-Modified-Since': kept.headers['Last-Modified']}).status == 304
    ranged = s.get('/kept/a.html', headers={'Range': 'bytes=2-4'})
    assert ranged.status == 200 and ranged.body == b'a green rose'

    with s.connect() as connection:  # HTTP/1.0: the end of the connection is the end of the body
        old = connection.send('GET /a.html HTTP/1.0\r\n\r\n').rest()
    assert old.endswith(b'\r\n\r\na green rose') and b'Transfer-Encoding' not in old


PROXY = '''
    server {
        listen 127.0.0.1:%%main%%;
        listen 127.0.0.1:%%narrow%% sndbuf=8k;
        replace_text aab "<x>";
        location / { proxy_pass http://127.0.0.1:%%up%%; proxy_buffering off; }
        location /file/ { sendfile on; proxy_pass http://127.0.0.1:%%up%%; proxy_buffers 2 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 4k; }
    }'''


def chunk(data):
    return b'%x\r\n%s\r\n' % (len(data), data) if data else b''


def test_replacement_across_pieces(start, scripted):
    """The text cut at every place, and at every two places; what only begins like it."""
    body = b'aaabaab-aa-aaaab.aa'
    expected = body.replace(b'aab', b'<x>')
    cuts = [(i, j) for i in range(len(body)) for j in range(i, len(body), 3)]

    def script(peer, _):
        while request := peer.request():
            i, j = map(int, request.target[1:].split('-'))
            peer.send('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n')
            for piece in (body[:i], body[i:j], body[j:]):
                peer.send(chunk(piece))
            peer.send('0\r\n\r\n')
    up = scripted(script)
    s = start(PROXY, ports={'up': up.port})
    with s.connect() as connection:
        for i, j in cuts:
            assert connection.get(f'/{i}-{j}').body == expected, (i, j)


def test_replacement_holds_back_nothing_but_what_may_be_the_text(start, scripted):
    """An upstream that pauses in the middle: what is sure has left by then."""
    def script(peer, _):
        peer.request()
        peer.send('HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nETag: "1"\r\n\r\n')
        for piece in ('one aab two aa', 'c three a', 'ab'):
            peer.send(piece)
            seen.wait_next()
    seen = Steps()
    up = scripted(script)
    s = start(PROXY, ports={'up': up.port})
    with s.connect() as connection:
        connection.send('GET / HTTP/1.0\r\n\r\n')
        for text in (b'one <x> two ', b'aac three ', b'<x>'):
            wait_for(lambda text=text: connection.reader.buffer.endswith(text) or not connection.reader.fill(), f'{text}')
            assert connection.reader.buffer.endswith(text)
            seen.go_on()
        assert b'ETag' not in connection.reader.buffer and b'charset=utf-8' in connection.reader.buffer


def test_replacement_of_what_the_proxy_put_into_a_file(start, upstream):
    body = b'0123456aab' * 300_000
    up = upstream(b'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s' % (len(body), body))
    s = start(PROXY, ports={'up': up.port})
    with s.connect('narrow', receive_buffer=4096) as connection:
        connection.send('GET /file/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
        s.wait_log('an upstream response is buffered to a temporary file')
        assert connection.response().body == body.replace(b'aab', b'<x>')


@pytest.mark.parametrize('status, field', [('200 OK', 'Content-Encoding: gzip'), ('206 Partial Content', 'Content-Range: bytes 0-2/9')])
def test_no_replacement_where_it_makes_no_sense(start, upstream, status, field):
    up = upstream(f'HTTP/1.1 {status}\r\nContent-Type: text/html\r\n{field}\r\nETag: "1"\r\nContent-Length: 3\r\n\r\naab')
    s = start(PROXY, ports={'up': up.port})
    answer = s.get('/')
    assert answer.body == b'aab' and answer.headers['Content-Length'] == '3' and answer.headers['ETag'] == '"1"'


class Steps:
    """Lets a script go on step by step."""

    def __init__(self):
        self.allowed = self.taken = 0

    def go_on(self):
        self.allowed += 1

    def wait_next(self):
        wait_for(lambda: self.allowed > self.taken, 'the next step')
        self.taken += 1


# --- http_ticker: the content handler that waits ---

TICKER = '''
    server {
        listen 127.0.0.1:%%main%%;
        location = /ticks { ticker; ticker_count 3; ticker_interval 100ms; }
        location = /long { ticker; ticker_interval 60s; }
        location = /clients { return 200 $ticker_clients; }
    }'''


def test_ticker_sends_an_event_each_interval(start):
    s = start(TICKER)
    with takes(0.29, 5):
        answer = s.get('/ticks')
    assert answer.headers['Content-Type'] == 'text/event-stream' and answer.headers['Cache-Control'] == 'no-cache'
    events = answer.text.split('\n\n')
    assert [event.split('\n')[0] for event in events] == ['id: 1', 'id: 2', 'id: 3', '']
    assert all(event.split('\n')[1].startswith('data: 20') for event in events[:3])
    assert s.get('/clients').body == b'0'


def test_ticker_keeps_the_connection(start):
    s = start(TICKER)
    with s.connect() as connection:
        assert connection.get('/ticks').status == connection.get('/ticks').status == 200
        head = connection.request('HEAD', '/ticks')
        assert head.status == 200 and head.body == b''
        assert connection.request('POST', '/ticks', body='x').status == 405


def test_ticker_sends_its_head_before_the_first_event(start):
    s = start(TICKER)
    with s.connect() as connection:
        connection.send('GET /long HTTP/1.1\r\nHost: a\r\n\r\n')
        wait_for(lambda: b'\r\n\r\n' in connection.reader.buffer or not connection.reader.fill(), 'the head')
        assert b'text/event-stream' in connection.reader.buffer
        assert s.get('/clients').body == b'1'


def test_ticker_ends_when_the_client_is_gone(start):
    s = start(TICKER)
    several = [s.connect().send('GET /long HTTP/1.1\r\nHost: a\r\n\r\n') for _ in range(5)]
    wait_for(lambda: s.get('/clients').body == b'5', 'five tickers')
    for connection in several:
        connection.close()
    wait_for(lambda: s.get('/clients').body == b'0', 'the end of the tickers')
    s.wait_log(r'\[info\] .* client prematurely closed connection, client: 127\.0\.0\.1, server: , request: "GET /long HTTP/1\.1"')
    assert any('"GET /long HTTP/1.1" 200 0 ' in line for line in s.access(6))


def test_ticker_goes_on_over_a_reload(start):
    s = start(TICKER.replace('100ms', '300ms'))
    old = s.workers()
    with s.connect() as connection:
        connection.send('GET /ticks HTTP/1.1\r\nHost: a\r\n\r\n')
        wait_for(lambda: s.get('/clients').body == b'1', 'the ticker')
        s.signal('HUP')
        assert connection.response().text.count('data: ') == 3
    wait_for(lambda: not any(map(processes.alive, old)), 'the end of the old worker')
    s._base = {}
