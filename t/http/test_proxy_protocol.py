"""The PROXY header before a connection, versions 1 and 2."""
import re
import socket
import struct

import pytest

from lib import binary
from lib.client import request

CONF = '''
    server {
        listen 127.0.0.1:%%main%% proxy_protocol;
        return 200 "$proxy_protocol_addr|$proxy_protocol_port|$proxy_protocol_server_addr|$proxy_protocol_server_port|$remote_addr";
    }
'''
REQUEST = request('GET', '/', {'Connection': 'close'})
MAGIC = b'\r\n\r\n\0\r\nQUIT\n'


@pytest.fixture(scope='module')
def site(module_server):
    return module_server(CONF)


def version2(family, addresses, command=0x21, tlvs=b''):
    return MAGIC + struct.pack('!BBH', command, family, len(addresses) + len(tlvs)) + addresses + tlvs


V4 = socket.inet_aton('1.2.3.4') + socket.inet_aton('5.6.7.8') + struct.pack('!HH', 1111, 80)
V6 = socket.inet_pton(socket.AF_INET6, '2001:db8::1') + socket.inet_pton(socket.AF_INET6, '2001:db8::2') + struct.pack('!HH', 1111, 80)


@pytest.mark.parametrize('head, answer', [
    (b'PROXY TCP4 1.2.3.4 5.6.7.8 1111 80\r\n', '1.2.3.4|1111|5.6.7.8|80|127.0.0.1'),
    (b'PROXY TCP6 2001:db8::1 2001:db8::2 1111 80\r\n', '2001:db8::1|1111|2001:db8::2|80|127.0.0.1'),
    (b'PROXY UNKNOWN\r\n', '||||127.0.0.1'), (b'PROXY UNKNOWN what ever\r\n', '||||127.0.0.1'),
    (version2(0x11, V4), '1.2.3.4|1111|5.6.7.8|80|127.0.0.1'), (version2(0x21, V6), '2001:db8::1|1111|2001:db8::2|80|127.0.0.1'),
    (version2(0x11, V4, tlvs=b'\x04\0\x03abc'), '1.2.3.4|1111|5.6.7.8|80|127.0.0.1'), (version2(0, b'', 0x20), '||||127.0.0.1'),
])
def test_head(site, head, answer):
    assert site.raw(head + REQUEST).text == answer
    c = site.connect().send(head)
    assert c.send(REQUEST).response().text == answer


# A server for each case: in a shared log, the line of one case would speak for all others.
@pytest.mark.parametrize('head, line', [
    (b'', 'broken header: "GET / HTTP/1.1'), (b'PROXY\r\n', 'broken header: "PROXY'),
    (b'PROXY TCP4 1.2.3.4\r\n', 'broken header: "PROXY TCP4 1.2.3.4'),
    (b'PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n', 'broken header: "PROXY TCP5'),
    (b'PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n', 'broken header: "PROXY TCP4 1.2.3.4 5.6.7.8 1 99999'),
    (b'PROXY TCP4 1.2.3.4 5.6.7.8 1 2' + b'x' * 120 + b'\r\n', 'broken header: "PROXY TCP4 1.2.3.4 5.6.7.8 1 2xxx'),
    (b'proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n', 'broken header: "proxy TCP4'),
    (b'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n', 'broken header: "PROXY TCP4 1.2.3.4 5.6.7.8 1 2'),
    (MAGIC + b'\x31\x11\0\x0c' + V4, 'unknown PROXY protocol version: 3 while reading PROXY protocol'),
    (version2(0x11, V4, tlvs=b'\x04\xff\0' + b'x' * 0xff00), 'header is too large while reading PROXY protocol'),
])
def test_broken_head(server, head, line):
    s = server(CONF)
    with s.connect() as c:
        assert c.send(head + REQUEST).rest() == b''
    s.wait_log(r'\[error\] .*' + re.escape(line))


@pytest.mark.parametrize('head', [MAGIC + b'\x21\x11\0\x02ab', version2(0x11, V4[:8])])
def test_short_addresses(server, head):
    s = server(CONF)
    with s.connect() as c:
        assert c.send(head + REQUEST).rest() == b''
    if not binary.is_nginx(s.binary):  # which says nothing
        s.wait_log('header has no room for its addresses while reading PROXY protocol')


def test_head_that_never_comes(server):
    s = server('client_header_timeout 200ms;' + CONF)
    assert s.connect().is_closed()


def test_kept_connection_has_one_head(site):
    with site.connect() as c:
        c.send(b'PROXY TCP4 1.2.3.4 5.6.7.8 1111 80\r\n')
        assert [c.get('/').text.partition('|')[0] for _ in range(3)] == ['1.2.3.4'] * 3


def test_what_a_head_without_addresses_does_not_say(server):
    s = server('log_format p "$proxy_protocol_addr $proxy_protocol_server_port"; access_log logs/p.log p;' + CONF)
    for head in (b'PROXY UNKNOWN\r\n', version2(0, b'', 0x20), version2(0x11, V4)):
        s.raw(head + REQUEST)
    assert s.access(3, 'logs/p.log') == ['- -', '- -', '1.2.3.4 80']
