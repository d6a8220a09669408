"""Fields that no table may hold stay so on their way through: who sent one as never indexed finds it so behind us (RFC 7541 §6.2.3, §7.1.3)."""
import hpack
import pytest

from lib import h2_upstream
from lib.h2 import Peer

pytestmark = pytest.mark.sluice_only('nginx does not keep it')

CONF = '''
    upstream up { server 127.0.0.1:%%up%%; keepalive 8; }
    server {
        listen 127.0.0.1:%%main%% http2;
        location / { proxy_pass http://up; proxy_http_version 2; proxy_pass_trailers on; early_hints 1; proxy_redirect http://in/ http://out/; }
        location /grpc/ { grpc_pass grpc://up; early_hints 1; }
    }
'''
WHERE = pytest.mark.parametrize('where', ['/', '/grpc/'])


def never(name, value):
    return hpack.NeverIndexedHeaderTuple(name, value)


def never_indexed(fields):
    return {name for name, value in (field for field in fields if isinstance(field, hpack.NeverIndexedHeaderTuple))}


@pytest.fixture
def passing(server, scripted):
    def start(*arguments, **options):
        up = scripted(h2_upstream.answering(*arguments, **options))
        peer = Peer(('127.0.0.1', server(CONF, ports={'up': up.port}).port()))
        peers.append(peer)
        return peer, up
    peers = []
    yield start
    for peer in peers:
        peer.close()


def request(peer, path, fields, trailers):
    stream = peer.new_stream()
    peer.headers(stream, [(':method', 'POST'), (':scheme', 'http'), path, (':authority', 'localhost'), *fields], end=False)
    peer.data(stream, b'body')
    peer.headers(stream, trailers)
    return peer.response(stream)


@WHERE
def test_requests(passing, where):
    """Twice: what the first has put into a table, the second would name."""
    peer, up = passing(b'x')
    for _ in range(2):
        fields = [never('x-secret', 'a'), ('x-open', 'b'), ('cookie', 'open=' + 'x' * 30), never('cookie', 'secret=1'), never('user-agent', 'c')]
        assert request(peer, never(':path', f'{where}secret'), fields, [never('x-sum', '1'), ('x-other', '2')]).text == 'x'
        asked = up.requests[-1]
        assert never_indexed(asked.fields) == {':path', 'x-secret', 'cookie', 'user-agent'}
        assert asked['x-secret'] == 'a' and asked['cookie'] == 'open=' + 'x' * 30 + '; secret=1'
        assert never_indexed(asked.trailers) == {'x-sum'}


@WHERE
def test_requests_without(passing, where):
    peer, up = passing(b'x')
    assert request(peer, (':path', where), [('x-open', 'b'), ('cookie', 'open=' + 'x' * 30)], [('x-sum', '1')]).text == 'x'
    assert not never_indexed(up.last.fields) and not never_indexed(up.last.trailers)


@WHERE
@pytest.mark.parametrize('place', ['http://in/x', 'http://other/x'], ids=['rewritten', 'as it is'])
def test_answers(passing, where, place):
    named = [('x-secret', 'a'), ('etag', '"e"'), ('content-type', 'text/x'), ('location', place), ('set-cookie', 'a=b'), ('last-modified', 'then')]
    peer, _ = passing(b'x', 201, [('x-open', 'b'), *(never(*field) for field in named)], [never('x-sum', '1'), ('x-other', '2')])
    for _ in range(2):
        answer = peer.get(where)
        assert answer.status == 201 and never_indexed(answer.fields) == {name for name, _ in named}
        assert never_indexed(answer.trailers) == {'x-sum'}


def test_answers_without(passing):
    peer, _ = passing(b'x', 201, [('x-open', 'b'), ('etag', '"e"'), ('content-type', 'text/x'), ('location', 'http://in/x')], [('x-sum', '1')])
    answer = peer.get('/')
    assert not never_indexed(answer.fields) and not never_indexed(answer.trailers)


@WHERE
def test_early_hints(server, scripted, where):
    def act(served, asked):
        served.headers(asked.stream, [(':status', '103'), never('link', '</a>'), ('x-open', '1')], end=False)
        served.answer(asked, b'x')
    up = scripted(h2_upstream.misbehaving(act))
    with Peer(('127.0.0.1', server(CONF, ports={'up': up.port}).port())) as peer:
        [hints] = peer.get(where).interim
        assert never_indexed(hints) == {'link'} and ('x-open', '1') in hints
