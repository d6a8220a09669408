"""proxy_bind: where connections to upstreams come from, which of those kept are good for whom, and addresses that are not ours."""
import pytest

from lib import h2_upstream
from lib.messages import reply
from lib.ports import free_port

CONF = '''
    log_format own "$upstream_addr $upstream_status $status";
    upstream u { server 127.0.0.1:%%up%%; keepalive 8; }
    upstream two { server 127.0.0.1:%%up%%; server 127.0.0.1:%%up%% backup; }
    server {
        listen 127.0.0.1:%%main%%;
        proxy_http_version 1.1; proxy_set_header Connection "";
        location / { proxy_pass http://127.0.0.1:%%up%%; BIND }
        location /group/ { proxy_pass http://u; BIND }
        location /other/ { proxy_pass http://u; proxy_bind 127.0.0.8; }
        location /plain/ { proxy_pass http://u; }
        location /two/ { proxy_pass http://two; BIND access_log logs/own.log own; }
    }
'''


@pytest.fixture
def bound(server, scripted):
    """bound('proxy_bind ...;') starts the server before an upstream that says who asks."""
    def script(peer, upstream):
        host, port = peer.socket.getpeername()
        while peer.request() is not None:
            peer.send(reply(f'{host}:{port}'))

    def start(bind):
        up = scripted(script)
        s = server(CONF.replace('BIND', bind), ports={'up': up.port})
        s.up = up
        return s
    return start


def host(response):
    assert response.status == 200
    return response.text.partition(':')[0]


def test_address(bound):
    assert host(bound('proxy_bind 127.0.0.9;').get('/')) == '127.0.0.9'


@pytest.mark.parametrize('written', ['127.0.0.9:{}', '127.0.0.9:$arg_port'])
def test_address_with_a_port(bound, written):
    port = free_port()
    assert bound(f'proxy_bind {written.format(port)};').get(f'/?port={port}').text == f'127.0.0.9:{port}'


@pytest.mark.sluice_only('nginx asks an upstream by any connection that it has kept, wherever that comes from')
@pytest.mark.parametrize('target', ['/', '/group/'])
@pytest.mark.parametrize('options', ['', ' transparent'])
def test_kept_connections_come_from_the_address(bound, target, options):
    """The upstream may take it for the client's: nobody speaks for another."""
    s = bound(f'proxy_bind $arg_from{options};')
    for address in ('127.0.0.5', '127.0.0.6', '127.0.0.5', '', '127.0.0.6', '127.0.0.5', ''):
        assert host(s.get(f'{target}?from={address}')) == (address or '127.0.0.1')
    assert s.up.connections == 3  # each is used again


@pytest.mark.sluice_only('nginx asks an upstream by any connection that it has kept, wherever that comes from')
def test_kept_connections_of_other_locations(bound):
    s = bound('proxy_bind 127.0.0.9;')
    for _ in range(2):
        assert [host(s.get(target)) for target in ('/group/', '/other/', '/plain/')] == ['127.0.0.9', '127.0.0.8', '127.0.0.1']
    assert s.up.connections == 3


@pytest.mark.sluice_only('nginx 1.22 knows no HTTP/2 to proxied upstreams')
def test_shared_connections_come_from_the_address(server, scripted):
    def script(peer, _):
        served = h2_upstream.Served(peer)
        while (request := served.request()) is not None:
            served.answer(request, peer.socket.getpeername()[0].encode())
    up = scripted(script)
    s = server(CONF.replace('BIND', 'proxy_http_version 2; proxy_bind $arg_from;'), ports={'up': up.port})
    for address in ('127.0.0.5', '127.0.0.6', '127.0.0.5', '', '127.0.0.6', ''):
        assert host(s.get(f'/?from={address}')) == (address or '127.0.0.1')
    assert up.connections == 3


def test_no_address(bound):
    """As in nginx the kernel chooses then, and the log says so unless the value is empty."""
    s = bound('proxy_bind $arg_from;')
    assert host(s.get('/?from=')) == '127.0.0.1'
    assert host(s.get('/?from=nonsense')) == '127.0.0.1'
    s.wait_log(r'\[error\] .* invalid local address "nonsense"')
    assert 'invalid local address ""' not in s.log()


@pytest.mark.parametrize('target', ['/', '/two/'])
def test_address_that_is_not_ours(bound, target):
    """No fault of the upstream's: no other is tried, and this one is as good as before."""
    s = bound('proxy_bind $arg_from;')
    assert s.get(f'{target}?from=192.0.2.1').status == 500
    s.wait_log(r'\[crit\] .* bind\(192\.0\.2\.1\) failed .* while connecting to upstream')
    assert host(s.get(f'{target}?from=127.0.0.5')) == '127.0.0.5'
    if target == '/two/':
        assert [words.split()[-2:] for words in s.access(2, 'logs/own.log')] == [['-', '500'], ['200', '200']]
