"""Which server block answers: by listening socket, by default_server, by exact, wildcard and regex names."""
import socket

import pytest

from lib.client import Connection
from lib.ports import free_port

CONF = r'''
    server { listen 127.0.0.1:%%main%%; server_name first.example; return 200 first; }
    server { listen 127.0.0.1:%%main%%; server_name www.exact.example exact.example; return 200 exact; }
    server { listen 127.0.0.1:%%main%%; server_name *.wild.example; return 200 leading; }
    server { listen 127.0.0.1:%%main%%; server_name *.deep.wild.example; return 200 deeper; }
    server { listen 127.0.0.1:%%main%%; server_name .both.example; return 200 both; }
    server { listen 127.0.0.1:%%main%%; server_name .dot.example; server_name_in_redirect on; location / { return 200 $server_name; } location /r { return 301 /x; } }
    server { listen 127.0.0.1:%%main%%; server_name mail.*; return 200 trailing; }
    server { listen 127.0.0.1:%%main%%; server_name mail.long.*; return 200 longer; }
    server { listen 127.0.0.1:%%main%%; server_name ~^(?<user>\w+)\.users\.example$; return 200 "user=$user"; }
    server { listen 127.0.0.1:%%main%%; server_name ~^(\w+)\.num\.example$; return 200 "one=$1 name=$server_name"; }
    server { listen 127.0.0.1:%%main%%; server_name ~^users; return 200 regex; }
    server { listen 127.0.0.1:%%main%%; server_name ""; return 200 "empty name=[$server_name]"; }
    server { listen 127.0.0.1:%%other%%; server_name a.example; return 200 a; }
    server { listen 127.0.0.1:%%other%% default_server; server_name b.example; return 200 "b name=$server_name host=$host"; }
    server { listen %%any%%; listen 127.0.0.1:%%any%%; server_name c.example; return 200 "c port=$server_port"; }
    server { listen 127.0.0.1:%%any%%; server_name d.example; return 200 d; }
'''


@pytest.fixture(scope='module')
def site(module_server):
    return module_server(CONF)


@pytest.mark.parametrize('host, answer', [
    ('first.example', 'first'), ('unknown.example', 'first'), ('exact.example', 'exact'), ('www.exact.example', 'exact'),
    ('EXACT.Example', 'exact'), ('exact.example:8080', 'exact'), ('exact.example.', 'exact'),
    ('x.exact.example', 'first'), ('a.wild.example', 'leading'), ('a.b.wild.example', 'leading'), ('wild.example', 'first'),
    ('x.deep.wild.example', 'deeper'), ('both.example', 'both'), ('sub.both.example', 'both'), ('a.b.both.example', 'both'),
    ('xboth.example', 'first'), ('mail.test', 'trailing'), ('mail.long.test', 'longer'), ('mail', 'first'),
    ('bob.users.example', 'user=bob'), ('joe.num.example', r'one=joe name=~^(\w+)\.num\.example$'),
    ('users.any', 'regex'), ('mail.wild.example', 'leading'),
])
def test_name(site, host, answer):
    assert site.get('/', host=host).text == answer


def test_a_name_with_a_leading_dot_is_told_without_it(site):
    assert site.get('/', host='sub.dot.example').text == 'dot.example'
    assert site.get('/r', host='sub.dot.example').location == f'http://dot.example:{site.port()}/x'


def test_slashes_are_merged_as_the_default_server_says(server):
    """The request line is read before Host is known."""
    s = server('''
        server { listen 127.0.0.1:%%main%%; return 200 first; }
        server { listen 127.0.0.1:%%main%%; server_name second; merge_slashes off; return 200 "$uri"; }''')
    assert s.get('//a', host='second').text == '/a'


def test_no_host(site):
    assert site.raw(b'GET / HTTP/1.0\r\n\r\n').text == 'empty name=[]'


def test_absolute_form_beats_host(site):
    assert site.raw(b'GET http://exact.example/ HTTP/1.1\r\nHost: bob.users.example\r\nConnection: close\r\n\r\n').text == 'exact'


@pytest.mark.parametrize('host, answer', [
    ('a.example', 'a'), ('b.example', 'b name=b.example host=b.example'), ('unknown', 'b name=b.example host=unknown'),
    ('exact.example', 'b name=b.example host=exact.example'),
])
def test_default_server(site, host, answer):
    assert site.get('/', host=host, port='other').text == answer


def test_wildcard_socket(site):
    assert site.get('/', host='c.example', port='any').text == f'c port={site.port("any")}'
    assert site.get('/', host='d.example', port='any').text == 'd'


def test_name_per_request_on_one_connection(site):
    with site.connect() as c:
        assert [c.get('/', host=host).text for host in ('exact.example', 'a.wild.example', 'nobody')] == ['exact', 'leading', 'first']


def test_default_name_is_hostname_for_redirects(server):
    s = server('server { listen 127.0.0.1:%%main%%; server_name one.example two.example; server_name_in_redirect on;'
               ' location = /d { return 301 /x; } }')
    assert s.get('/d', host='two.example').location == f'http://one.example:{s.port()}/x'


def test_unix_socket(server):
    s = server('server { listen unix:%%PREFIX%%/s.sock; return 200 "$server_addr|$remote_addr|$server_port|$host"; }')
    assert s.get('/', port='s.sock').text == f'unix:{s.prefix}/s.sock|unix:||localhost'
    assert s.access()[0].startswith('unix: - - [')


def test_ipv6(server):
    s = server('server { listen [::1]:%%main%%; return 200 "$server_addr $remote_addr"; }')
    with Connection(('::1', s.port())) as c:
        assert c.get('/').text == '::1 ::1'


def neighbours():
    """Two free ports, one behind the other."""
    while True:
        first = free_port()
        with socket.socket() as probe:
            if probe.connect_ex(('127.0.0.1', first + 1)) != 0:
                return {'a': first, 'b': first + 1}


def test_port_range(server):
    s = server('server { listen 127.0.0.1:%%a%%-%%b%%; return 200 $server_port; }', ports=neighbours())
    assert [s.get('/', port=name).text for name in 'ab'] == [str(s.port('a')), str(s.port('b'))]


@pytest.mark.parametrize('parameters', [
    pytest.param('accept_filter=httpready', marks=pytest.mark.sluice_only('it goes on, but logs [emerg]')),
    'backlog=8', 'rcvbuf=32k sndbuf=32k', 'deferred', 'so_keepalive=on', 'so_keepalive=30m::10', 'reuseport', 'bind', 'fastopen=4',
])
def test_listen_parameter(server, parameters):
    s = server('server { listen 127.0.0.1:%%main%% ' + parameters + '; return 200 ok; }')
    assert s.get('/').text == 'ok'
