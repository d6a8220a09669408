"""Whole sites as people have them, t/data/configurations: what both servers answer and log, and what their upstreams are asked, is the same.

A line `#> METHOD TARGET | Field: value | host=NAME | body=TEXT | port=NAME` is a request, on a connection of its own.
"""
import difflib
import pathlib
import re
import urllib.parse

import pytest

from lib.client import request
from lib.messages import reply
from lib.upstream import Upstream
from lib.wait import wait_for

FOLDER = pathlib.Path(__file__).resolve().parent.parent / 'data/configurations'
NAMES = sorted(path.stem for path in FOLDER.glob('*.conf'))
FILES = {
    'conf/mime.types': 'types { text/html html; text/css css; application/javascript js; image/jpeg jpg; text/xml xml; application/json json; video/mp4 mp4; text/plain txt; }',
    'html/index.html': '<p>index\n', 'html/index.htm': 'htm', 'html/a.css': 'a{}', 'html/app.js': 'x=1;\n' * 50, 'html/data.bin': bytes(range(256)) * 400, 'html/empty.txt': '',
    'html/dir/index.html': 'dir', 'html/dir/a.txt': 'a', 'html/50x.html': '50x page', 'html/404.html': '404 page', 'html/403.html': '403 page', 'html/page.html': 'page',
    'html/sp ace.txt': 'sp', 'html/.well-known/acme-challenge/tok': 'tok', 'html/static/app.css': 'b{}', 'html/static/big.iso': b'0123456789' * 30_000, 'html/nolist/x': 'x',
    'html/list/one.txt': '1', 'html/list/t wo.txt': '22', 'html/list/ä&<b>"q.txt': 'q', 'html/list/sub/x': 'x', 'html/list/long-' + 'n' * 60: 'long', 'html/private/secret.txt': 'secret',
    'html/en/index.html': 'en', 'html/en/about.html': 'about', 'html/de/index.html': 'de', 'html/download/file.tar.gz': b'\x1f\x8b' * 500, 'html/data.json': '{"a":1}',
}
EVERYWHERE = '''
#> GET /
#> HEAD /index.html
#> GET /?q=1
#> GET //
#> GET /none
#> POST / | body=abc
#> GET /sp%20ace.txt
#> GET /./dir/../a.css
#> GET /../etc/passwd
#> GET /dir?x=y
#> GET /nolist/
#> GET /a.css%00
#> GET /a.css | Range: bytes=0-1
#> GET /data.bin | Range: bytes=0-9,20-29
#> GET /a.css | If-None-Match: *
#> GET / | host=unknown.test
#> GET http://a.example/a.css
#> DELETE /a.css
#> get /
#> GET / | Accept-Encoding: gzip | Cookie: a=b; c=d | User-Agent: a "b" c | Referer: http://x/
'''


def answer(asked):
    """As the query of the request says: u_s is the status, u_h holds fields, u_loc a Location, u_big the size."""
    path, _, query = asked.target.partition('?')
    said = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    fields = [tuple(line.split(': ', 1)) if ': ' in line else (line.rstrip(':'), '') for line in said.get('u_h', '').split('|') if line]
    fields += [('Server', 'upstream'), ('Date', 'Mon, 01 Jan 2001 00:00:00 GMT')]
    fields += [('Location', said['u_loc'])] if 'u_loc' in said else []
    fields += [('Refresh', f'5; url={said["u_refresh"]}')] if 'u_refresh' in said else []
    body = b'B' * int(said['u_big']) if 'u_big' in said else f'{asked.method} {path} {len(asked.body)}'.encode()
    status = said.get('u_s') or '200'
    bodiless = asked.method == 'HEAD' or status in ('204', '304')
    fields.append(('Content-Type', said.get('u_type', 'text/plain')))
    if not bodiless or status == '200':
        fields.append(('Content-Length', len(body)))
    return reply(b'' if bodiless else body, f'{status} Said', fields, length=False)


def parse(line, server):
    """The request's bytes and the port."""
    first, *more = re.sub(r'%%(\w+)%%', lambda found: str(server.port(found[1])), line).split(' | ')
    method, target = first.split(' ', 1)
    known = dict(part.split('=', 1) for part in more if re.match(r'(host|body|port)=', part))
    fields = [tuple(part.split(': ', 1)) for part in more if not re.match(r'(host|body|port)=', part)]
    body = known.get('body')
    if body and re.fullmatch(r'#\d+', body):
        body = b'x' * int(body[1:])
    return request(method, target, [*fields, ('Connection', 'close')], body, known.get('host', 'a.example')), known.get('port', 'main')


def log_lines(text):
    """Without what differs from moment to moment, and without what a server says of itself."""
    for pattern, instead in ((r'^\d{4}/\S+ \S+ ', ''), (r'\d+#\d+: ', ''), (r'\*\d+ ', ''), (r'\[\d\d/\w+/\d{4}:[^]]*\]', 'TIME'), (r'\d{4}-\d\d-\d\dT[\d:+]+', 'TIME'),
                             (r'(temp/\w+/)\d+', r'\1N'), (r'\b[0-9a-f]{32}\b', 'ID'), (r'\b\d\.\d{3}\b', 'SECONDS')):
        text = re.sub(pattern, instead, text, flags=re.M)
    return [line for line in text.splitlines() if not re.search(r'\[notice\]|is deprecated', line)]


class Site:
    """Both servers with one configuration, in front of the same upstreams."""

    def __init__(self, pair, text):
        self.asked = []
        self.upstreams = {name: Upstream(self._script(name)) for name in ('up', 'up2')}
        self.servers = pair(re.sub(r'(?m)^#.*\n', '', text), FILES, {name: up.port for name, up in self.upstreams.items()})

    def _script(self, name):
        def script(peer, upstream):
            while (asked := peer.request()) is not None:
                self.asked.append((name, asked))
                peer.send(answer(asked))
        return script

    def act(self, line):
        """(what the client gets, what the upstreams were asked) for a server."""
        def run(server):
            self.asked.clear()
            data, port = parse(line, server)
            with server.connect(port) as c:
                said = c.send(data).rest().decode('latin-1')
            # The oracle speaks HTTP/1.0 and says so by default; and where Host is not set, it stands behind what is.
            seen = ['\n'.join([name, f'{r.method} {r.target}', *sorted(f'{n}: {v}' for n, v in r.headers if (n, v) != ('Connection', 'close')), str(r.body)])
                    for name, r in self.asked]
            return re.sub(r'\b[0-9a-f]{32}\b', 'ID', '\n== asked\n'.join([said, *seen]))
        return run

    def compare_logs(self, name):
        """Lines are written when their turn ends: those of the last request may still be to come."""
        def both():
            return [log_lines(text) for text in self.servers.both(lambda server: server.read(name))]
        wait_for(lambda: len(both()[0]) == len(both()[1]), lambda: f'as many lines in both {name}:\n' + '\n'.join(difflib.unified_diff(*both(), lineterm='', n=0)))
        ours, theirs = both()
        assert ours == theirs, name

    def close(self):
        for upstream in self.upstreams.values():
            upstream.close()


@pytest.mark.parametrize('name', NAMES)
def test_site(pair, name):
    text = (FOLDER / f'{name}.conf').read_text()
    site = Site(pair, text)
    try:
        requests = re.findall(r'(?m)^#> (.*)$', EVERYWHERE + text)
        assert len(requests) >= 30
        for line in requests:
            ours, theirs = site.servers.both(site.act(line))
            assert ours == theirs, line
        names = {f'logs/{path.name}' for server in site.servers.servers for path in (server.prefix / 'logs').glob('*.log')}
        for log in sorted(names):
            site.compare_logs(log)
    finally:
        site.close()
