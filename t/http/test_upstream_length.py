"""How long an answer of an upstream was, and what is said of more than there should be."""
import pytest

from lib.client import request
from lib.messages import reply

CONF = '''
    log_format v "$upstream_response_length"; access_log logs/v.log v;
    server {
        listen 127.0.0.1:%%main%%;
        location / { proxy_pass http://127.0.0.1:%%up%%; proxy_http_version 1.1; proxy_set_header Upgrade x; proxy_set_header Connection upgrade; }
        location /own { return 200 own; }
    }
'''
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
LENGTHS = {
    'length': (reply('hello'), 5),
    'chunks': (CHUNKED + b'5;x=y\r\nhello\r\n0\r\nX-Behind: b\r\n\r\n', 32),
    'more than the length': (b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhello', 5),
    'more than the last chunk': (CHUNKED + b'5\r\nhello\r\n0\r\n\r\nmore', 19),
    'none': (b'HTTP/1.1 204 No Content\r\n\r\n', 0),
    'tunnel': (b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello', 0),
}


@pytest.mark.parametrize('what', LENGTHS)
def test_length_of_an_answer(server, scripted, what):
    """As it came, framing included."""
    answer, length = LENGTHS[what]

    def script(peer, _):
        peer.request()
        peer.send(answer)
        if what == 'tunnel':
            peer.socket.recv(1)
            peer.send('later')
        else:
            peer.wait_closed()
    s = server(CONF, ports={'up': scripted(script).port})
    with s.connect() as c:
        c.send(request('GET', '/', {'Upgrade': 'x', 'Connection': 'upgrade'})).response()
        if what == 'tunnel':
            assert c.send('x').rest() == b'hellolater'
    assert s.access(1, 'logs/v.log') == [str(length)]
    if what == 'more than the last chunk':
        s.wait_log(r'\[warn\] .* upstream sent data after final chunk while reading ')


@pytest.mark.parametrize('method, head', [('HEAD', '200 OK\r\nContent-Length: 5'), ('HEAD', '200 OK\r\nTransfer-Encoding: chunked'), ('GET', '204 No Content')])
def test_body_where_there_is_none(server, scripted, method, head):
    """Not a word where HEAD is answered as if it were GET: servers do."""
    def script(peer, _):
        peer.request()
        peer.send(f'HTTP/1.1 {head}\r\n\r\nhello')
        peer.wait_closed()
    s = server(CONF, ports={'up': scripted(script).port})
    with s.connect() as c:
        assert not c.send(request(method, '/')).response(method).body
        assert c.get('/own').text == 'own'
    if method == 'HEAD':
        assert 'upstream sent' not in s.log()
    else:
        s.wait_log('upstream sent more data than specified in "Content-Length" header')


@pytest.mark.parametrize('options', ['', 'proxy_buffering off;'])
@pytest.mark.parametrize('answer', ['Content-Length: 9\r\n\r\nshort', 'Transfer-Encoding: chunked\r\n\r\n9\r\nshort'])
def test_an_answer_cut_short_is_no_failed_attempt(server, scripted, upstream, answer, options):
    """Those end with the head of the answer: one body that breaks off must not cost a server its place."""
    def script(peer, up):
        up.requests.append(peer.request())
        peer.send(f'HTTP/1.1 200 OK\r\n{answer}')
    cutting, spare = scripted(script), upstream(reply('spare'))
    s = server('upstream u { server 127.0.0.1:%%cutting%% max_fails=1 fail_timeout=100s; server 127.0.0.1:%%spare%% backup; }'
               f'server {{ listen 127.0.0.1:%%main%%; location / {{ proxy_pass http://u; {options} }} }}', ports={'cutting': cutting.port, 'spare': spare.port})
    for _ in range(2):
        with s.connect() as c:
            assert c.send(request('GET', '/')).rest().rstrip().endswith(b'short')
    assert len(cutting.requests) == 2 and not spare.requests
