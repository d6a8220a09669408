"""post_action: a location that hears of a request when its answer has left."""
import pytest

from lib.client import request
from lib.messages import reply
from lib.upstream import Held, answering
from lib.wait import takes, wait_for

CONF = r'''
    log_format after '$request_uri|$uri|$status|[$request_completion]|$body_bytes_sent';
    server {
        listen 127.0.0.1:%%main%%; root %%PREFIX%%/html;
        location / { post_action /after; }
        location /named/ { alias html/; post_action @after; }
        location /proxied/ { proxy_pass http://127.0.0.1:%%up%%; post_action @after; }
        location /missing { post_action @after; }
        location @after { rewrite ^ /note break; proxy_pass http://127.0.0.1:%%notes%%; proxy_set_header X-Status $status; proxy_set_header X-Uri $request_uri; proxy_set_header X-Done "[$request_completion]"; }
        location = /after { internal; proxy_pass http://127.0.0.1:%%notes%%/note; proxy_set_header X-Uri $request_uri; }
        location /logged/ { alias html/; post_action @logged; }
        location @logged { rewrite ^ /note break; proxy_pass http://127.0.0.1:%%notes%%; access_log logs/after.log after; }
        location /off/ { alias html/; post_action off; }
        location /outer/ { alias html/; post_action @after; location /outer/off/ { alias html/; post_action off; } }
    }
'''
FILES = {'html/page': 'the page'}


@pytest.fixture
def noted(server, upstream, scripted):
    def start(script=answering(reply('noted'))):
        up, notes = upstream(reply('real')), scripted(script)
        s = server(CONF, ports={'up': up.port, 'notes': notes.port}, files=FILES)
        s.up, s.notes = up, notes
        return s
    return start


@pytest.mark.parametrize('target, text', [('/page', 'the page'), ('/named/page', 'the page'), ('/proxied/x', 'real')])
def test_it_hears_of_the_request(noted, target, text):
    s = noted()
    with s.connect() as c:
        for number in range(3):
            assert c.get(f'{target}?n={number}', {'X-A': 'b'}).text == text
            wait_for(lambda: len(s.notes.requests) == number + 1, 'the note')
            note = s.notes.last
            assert (note.method, note.target.partition('?')[0]) == ('GET', '/note')
            assert (note.headers['X-Uri'], note.headers['X-A']) == (f'{target}?n={number}', 'b')
            if target != '/page':
                assert (note.headers['X-Status'], note.headers['X-Done']) == ('200', '[OK]')
    assert len(s.access(3)) == 3


def answering_late(held):
    def script(peer, up):
        up.requests.append(peer.request())
        held.pass_()
        peer.send(reply('late'))
    return script


def test_the_client_does_not_wait(noted):
    held = Held()
    s = noted(answering_late(held))
    with s.connect() as c:
        assert c.get('/page').text == 'the page'
        wait_for(lambda: s.notes.requests, 'the note')
        held.open()
    assert len(s.access(1)) == 1


def test_the_note_outlives_a_client_that_resets_the_connection(noted):
    held = Held()
    s = noted(answering_late(held))
    c = s.connect()
    assert c.get('/logged/page').text == 'the page'
    wait_for(lambda: s.notes.requests, 'the note')
    c.reset()
    assert s.get('/off/page').text == 'the page'  # what came before it was seen
    held.open()
    assert s.access(1, 'logs/after.log') == ['/logged/page|/note|200|[OK]|8']


def test_who_ends_the_connection_does_not_wait_either(noted):
    """Where the answer waited for the end of its connection, each would take 200 ms."""
    held = Held()
    s = noted(answering_late(held))
    with takes(0, 2):
        for _ in range(20):
            assert s.connect().get('/proxied/x', {'Connection': 'close'}).text == 'real'
    held.open()
    wait_for(lambda: len(s.notes.requests) == 20, 'the notes')


def test_off(noted):
    s = noted()
    with s.connect() as c:
        assert c.get('/off/page').text == 'the page'
    assert len(s.access(1)) == 1 and not s.notes.requests


@pytest.mark.sluice_only('nginx 1.22 looks for a location of that name, and says so')
def test_off_takes_back_what_stands_further_out(noted):
    s = noted()
    with s.connect() as c:
        assert c.get('/outer/off/page').text == 'the page'
    assert len(s.access(1)) == 1 and not s.notes.requests and '[error]' not in s.log()


def test_a_refusal_is_noted_too(noted):
    s = noted()
    assert s.get('/missing').status == 404
    wait_for(lambda: s.notes.requests, 'the note')
    assert s.notes.last.headers['X-Uri'] == '/missing'


def test_what_the_log_says(noted):
    """It is written when all is over, and tells of the location that heard of the request."""
    s = noted(answering(reply('noted', status='202 Accepted')))
    assert s.get('/logged/page').text == 'the page'
    [line] = s.access(1, 'logs/after.log')
    assert line == '/logged/page|/note|202|[OK]|8'


def test_the_note_fails(noted):
    s = noted(lambda peer, up: peer.request())
    with s.connect() as c:
        for _ in range(2):
            assert c.get('/page').text == 'the page'
    s.wait_log('upstream prematurely closed connection')


@pytest.mark.parametrize('size', [10, pytest.param(100_000, marks=pytest.mark.sluice_only('it reads the temporary file after it has closed it'))])
def test_an_upload_is_passed_on(noted, size):
    s = noted()
    with s.connect() as c:
        for count in (1, 2):
            assert c.request('POST', '/proxied/x', body=b'b' * size).text == 'real'
            wait_for(lambda: len(s.notes.requests) == count, 'the note')
            assert (s.notes.last.method, s.notes.last.body) == ('POST', b'b' * size)
