"""Malformed and hostile requests: each is answered as the table says, is never forwarded, and never read as two.

Where RFC 9110/9112 ask for more than nginx 1.22 does, the table holds both answers; the strict one is ours.
"""
import pathlib
import re

import pytest

from lib import binary
from lib.messages import reply
from lib.upstream import Upstream, answering

ROWS = pathlib.Path(__file__).resolve().parent.parent / 'data' / 'malformed.txt'
CONF = '''
    client_header_buffer_size 1k; large_client_header_buffers 2 2k; client_max_body_size 100k; lingering_timeout 500ms;
    server { listen 127.0.0.1:%%main%%; location / { proxy_pass http://127.0.0.1:%%up%%; proxy_request_buffering on; } }
'''


def rows():
    """(name, request bytes, expected of us, expected of nginx) out of the table."""
    for block in re.split(r'^= ', ROWS.read_text(), flags=re.M)[1:]:
        head, _, text = block.partition('\n')
        ours, _, name = head.partition(' ')
        expected, _, of_nginx = ours.partition('/')
        lines = [line for line in text.split('\n')[:-1] if not line.startswith('#')]
        yield name, b''.join(map(unescape, lines)), expected, of_nginx or expected


def unescape(line):
    r"""A line of the table as bytes: it ends with CRLF unless its last character is a backslash; \r \n \t \0 \xHH, and {CxN} for N times C."""
    bare = line.endswith('\\') and not line.endswith('\\\\')
    data = line[:-1] if bare else line + '\\r\\n'
    data = re.sub(r'\{(.|\\x..)x(\d+)\}', lambda m: m[1] * int(m[2]), data)
    simple = {'r': b'\r', 'n': b'\n', 't': b'\t', '0': b'\0', '\\': b'\\'}
    out = re.sub(rb'\\(x[0-9a-fA-F]{2}|.)', lambda m: simple.get(m[1].decode()) or bytes([int(m[1][1:], 16)]), data.encode('latin-1'))
    return out


TABLE = list(rows())


@pytest.fixture(scope='module')
def site(module_server):
    upstream = Upstream(answering(lambda request: reply(f'forwarded {request.target}')))
    s = module_server(CONF, ports={'up': upstream.port})
    s.upstream = upstream
    yield s
    upstream.close()


PROBE = b'GET /probe HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n'


def outcome(site, data, expected):
    """The statuses that came, then `.` for a connection that closes and `-` for one that goes on to answer a probe."""
    stays = expected.endswith('-')
    with site.connect() as c:
        c.send(data)
        seen = [next_status(c) for _ in expected.split()[:-1]]
        if stays and not c.reader.ended:
            c.send(PROBE)
        while c.reader.buffer or c.reader.fill():
            seen.append(next_status(c))
        if stays and seen[-1:] == ['200 forwarded /probe']:
            return ' '.join(word.split()[0] for word in seen[:-1]) + ' -'
        return ' '.join(word.split()[0] for word in seen) + ' .'


def next_status(c):
    """Status and body of the next response; `raw` for a body without a head, as HTTP/0.9 has it."""
    if not c.reader.buffer and not c.reader.fill():
        return 'end'
    if not c.reader.buffer.startswith(b'HTTP/'):
        c.rest()
        return 'raw'
    response = c.response()
    return f'{response.status} {response.body.decode()}'


@pytest.mark.parametrize('name, data, ours, of_nginx', TABLE, ids=[row[0].replace(' ', '-') for row in TABLE])
def test_request(site, name, data, ours, of_nginx):
    expected = (of_nginx if binary.is_nginx(site.binary) else ours).replace(',', ' ')
    del site.upstream.requests[:]
    assert outcome(site, data, expected) == expected
    forwarded = [request for request in site.upstream.requests if request.target != '/probe']
    allowed = expected.count('200') + expected.count('raw')
    assert len(forwarded) == allowed, f'the upstream saw {[request.raw for request in forwarded]}'
    assert not any('smuggled' in request.target for request in forwarded)


def test_table_is_large_enough():
    assert len(TABLE) >= 150
    names = [row[0] for row in TABLE]
    assert len(set(names)) == len(names)
