"""Subrequests whose answers are collected in memory (a module of the tests asks for them), and how large they may be."""
import os

import pytest

from lib import binary
from lib.messages import reply

pytestmark = pytest.mark.sluice_only('the module that collects is our own')

MODULES = (binary.ROOT / os.environ.get('BUILDDIR', 'build') / 'test-modules').resolve()
MAIN = f'load_module {MODULES}/collecting.so; error_log logs/error.log info;'
CONF = r'''
    server {
        listen 127.0.0.1:%%main%%;
        location = /file { collect /files/page; }
        location = /full { collect /files/4096; }
        location = /large { collect /files/4097; }
        location = /larger-allowed { collect /roomy/4097; }
        location = /none { collect /files/none; }
        location = /empty { collect /files/empty; }
        location = /up { collect /proxied; }
        location = /tiny { collect /tiny/proxied; }
        location /files/ { alias html/; }
        location /roomy/ { subrequest_output_buffer_size 5000; alias html/; }
        location /proxied { proxy_pass http://127.0.0.1:%%up%%; }
        location /tiny/ { subrequest_output_buffer_size 8; proxy_pass http://127.0.0.1:%%up%%; }
    }
'''
FILES = {'html/page': 'the page', 'html/4096': 'x' * 4096, 'html/4097': 'x' * 4097, 'html/empty': ''}


def in_chunks(*pieces):
    return (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
            + b''.join(b'%x\r\n%s\r\n' % (len(piece), piece) for piece in pieces) + b'0\r\n\r\n')


@pytest.fixture
def collecting(server, upstream):
    def start(answer):
        return server(CONF, main=MAIN, files=FILES, ports={'up': upstream(answer).port})
    return start


@pytest.mark.parametrize('target, head, body', [
    ('/file', '200 whole 8', 'the page'), ('/full', '200 whole 4096', 'x' * 4096), ('/larger-allowed', '200 whole 4097', 'x' * 4097),
    ('/empty', '200 whole 0', ''), ('/up', '200 whole 12', 'from the end')])
def test_what_was_answered(collecting, target, head, body):
    s = collecting(reply('from the end'))
    with s.connect() as c:
        for _ in range(2):
            assert c.get(target).text == f'{head}\n{body}'


def test_a_refusal_is_an_answer(collecting):
    answer = collecting(b'').get('/none').text
    assert answer.startswith('404 whole ') and '404 Not Found' in answer


def test_pieces_in_any_order(collecting):
    s = collecting(in_chunks(b'one ', b'two ', b'three'))
    assert s.get('/up').text == '200 whole 13\none two three'


@pytest.mark.parametrize('target, answer, what', [
    ('/large', b'', 'too big subrequest response: 4097'),
    ('/tiny', reply('123456789'), 'too big subrequest response: 9'),
    ('/tiny', in_chunks(b'1234', b'5678', b'9'), 'too big subrequest response while')])
def test_more_than_the_buffer_takes(collecting, target, answer, what):
    s = collecting(answer)
    with s.connect() as c:
        assert ' broken ' in c.get(target).text.partition('\n')[0]
        s.wait_log(rf'\[error\].* {what}')
        assert c.get('/file').text == '200 whole 8\nthe page'


def test_an_answer_that_breaks_off(server, scripted):
    def break_off(peer, _):
        peer.request()
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12345')

    s = server(CONF, main=MAIN, files=FILES, ports={'up': scripted(break_off).port})
    assert s.get('/up').text == '200 broken 5\n12345'
