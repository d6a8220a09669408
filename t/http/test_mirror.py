"""mirror: copies of requests in the background; what is answered to them, and when, does not matter to the client."""
import pytest

from lib.client import request
from lib.messages import reply
from lib.upstream import Held, answering
from lib.wait import wait_for

CONF = r'''
    log_format sub '$uri|$status|$request_method';
    log_format copy '$uri|$status|$upstream_status';
    server {
        listen 127.0.0.1:%%main%%; root %%PREFIX%%/html; client_body_buffer_size 16k;
        location / { mirror /copy; proxy_pass http://127.0.0.1:%%up%%; }
        location = /copy { internal; proxy_pass http://127.0.0.1:%%copies%%$request_uri; proxy_set_header X-Args $args; }
        location /twice/ { mirror /copy; mirror /copy2; alias html/; }
        location = /copy2 { internal; proxy_pass http://127.0.0.1:%%copies%%/second; }
        location /headonly/ { mirror /copyhead; mirror_request_body off; proxy_pass http://127.0.0.1:%%up%%; }
        location = /copyhead { internal; proxy_pass http://127.0.0.1:%%copies%%$request_uri; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
        location /watched/ { mirror /copywatched; alias html/; }
        location = /copywatched { internal; rewrite ^ /copy break; proxy_pass http://127.0.0.1:%%copies%%; log_subrequest on; access_log logs/copies.log copy; }
        location /off/ { mirror off; alias html/; }
        location /tried/ { mirror /copy; alias html/; try_files /nothing =404; }
        location /refused/ { mirror /copy; deny all; alias html/; }
        location /broken/ { mirror /nowhere; alias html/; }
        location /logged/ { mirror /localcopy; alias html/; access_log logs/sub.log sub; log_subrequest on; }
        location = /localcopy { internal; return 204; access_log logs/sub.log sub; log_subrequest on; }
        location /unlogged/ { mirror /quietcopy; alias html/; access_log logs/sub.log sub; }
        location = /quietcopy { internal; return 204; access_log logs/sub.log sub; }
    }
'''
FILES = {'html/page': 'the page'}


@pytest.fixture
def mirrored(server, upstream, scripted):
    def start(script=answering(reply('dropped'))):
        up, copies = upstream(reply('real')), scripted(script)
        s = server(CONF, ports={'up': up.port, 'copies': copies.port}, files=FILES)
        s.up, s.copies = up, copies
        return s
    return start


@pytest.mark.parametrize('size', [0, 5, 100_000])
def test_the_copy_is_like_the_original(mirrored, size):
    s = mirrored()
    with s.connect() as c:
        for number in range(3):
            r = c.request('PUT', '/x%20y?a=1&b=2', {'X-Number': number}, b'b' * size)
            assert (r.status, r.text) == (200, 'real')
    wait_for(lambda: len(s.copies.requests) == 3, 'the copies')
    for number, (copy, real) in enumerate(zip(s.copies.requests, s.up.requests)):
        assert (copy.method, copy.target, copy.body) == ('PUT', '/x%20y?a=1&b=2', real.body) and len(copy.body) == size
        assert copy.headers['X-Args'] == 'a=1&b=2' and copy.headers['X-Number'] == str(number)


def test_several(mirrored):
    s = mirrored()
    assert s.get('/twice/page').text == 'the page'
    wait_for(lambda: len(s.copies.requests) == 2, 'the copies')
    assert sorted(copy.target for copy in s.copies.requests) == ['/second', '/twice/page']


def test_without_the_body(mirrored):
    s = mirrored()
    assert s.request('POST', '/headonly/x', body=b'hello').text == 'real'
    wait_for(lambda: s.copies.requests, 'the copy')
    assert s.up.last.body == b'hello'
    assert (s.copies.last.method, s.copies.last.target, s.copies.last.body) == ('POST', '/headonly/x', b'')


@pytest.mark.parametrize('target, status, copies', [('/off/page', 200, 0), ('/tried/page', 404, 0), ('/refused/page', 403, 0)])
def test_where_it_applies(mirrored, target, status, copies):
    s = mirrored()
    with s.connect() as c:
        assert c.get(target).status == status
        assert c.get('/page').text == 'real'
    wait_for(lambda: len(s.copies.requests) == copies + 1, 'the copies')


def test_a_copy_that_fails_harms_nobody(mirrored):
    s = mirrored()
    with s.connect() as c:
        for _ in range(2):
            assert c.get('/broken/page').text == 'the page'
    s.excuse('No such file')


def test_a_slow_copy_does_not_delay_the_answer(mirrored):
    held = Held()

    def script(peer, up):
        up.requests.append(peer.request())
        held.pass_()
        peer.send(reply('late'))
    s = mirrored(script)
    with s.connect() as c:
        assert c.get('/x').text == 'real'
        c.send(request('GET', '/off/page'))
        held.open()
        assert c.response().text == 'the page'


def test_the_copy_arrives_though_the_client_has_left(mirrored):
    held = Held()

    def script(peer, up):
        up.requests.append(peer.request())
        held.pass_()
        peer.send(reply('late'))
    s = mirrored(script)
    c = s.connect()
    assert c.get('/watched/page').text == 'the page'
    wait_for(lambda: s.copies.requests, 'the copy')
    c.close()
    assert s.get('/off/page').text == 'the page'  # behind the end of that connection
    held.open()
    assert s.access(1, 'logs/copies.log') == ['/copy|200|200']
    assert s.access(2)[1].count('"GET /watched/page HTTP/1.1" 200') == 1


def test_log_subrequest(mirrored):
    s = mirrored()
    assert s.get('/logged/page').text == 'the page'
    assert sorted(s.access(2, 'logs/sub.log')) == ['/localcopy|204|GET', '/logged/page|200|GET']
    assert s.get('/unlogged/page').text == 'the page'
    assert s.access(3, 'logs/sub.log')[2:] == ['/unlogged/page|200|GET']
