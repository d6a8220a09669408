"""Sessions that clients come back to: caches, tickets, their keys, and what a reload leaves of them."""
import os
import ssl
import subprocess

import pytest

from lib import tls
from lib.tls_sessions import Client
from lib.wait import wait_for

CONF = '''
    ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;  ssl_protocols TLSv1.2 TLSv1.3;  <settings>
    server { listen 127.0.0.1:%%main%% ssl;  server_name a.test;  return 200 "$ssl_session_reused|$ssl_session_id|$pid"; }
    server { listen 127.0.0.1:%%main%% ssl;  server_name b.test;  ssl_certificate b.test.pem;  ssl_certificate_key b.test.key;  return 200 b; }
'''
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def of(settings=''):
    return CONF.replace('<settings>', settings)


def files(**more):
    return {**tls.files('a.test', 'b.test'), **{f'conf/{name}': content for name, content in more.items()}}


@pytest.mark.parametrize('settings, version, tickets, resumes', [
    ('', V13, True, True), ('', V12, True, True), ('', V12, False, False),
    ('ssl_session_cache shared:s:1m;', V12, False, True), ('ssl_session_cache shared:s:1m; ssl_session_tickets off;', V12, True, True),
    ('ssl_session_cache shared:s:1m; ssl_session_tickets off;', V13, True, True),
    ('ssl_session_cache builtin;', V12, False, True), ('ssl_session_cache builtin:100 shared:s:1m;', V12, False, True),
    ('ssl_session_cache none;', V12, False, False), ('ssl_session_cache off;', V12, False, False),
    ('ssl_session_tickets off;', V12, True, False), ('ssl_session_tickets off;', V13, True, False),
])
def test_resumption(server, settings, version, tickets, resumes):
    client = Client(server(of(settings), files=files()), version, tickets)
    assert not client.visit()
    assert client.visit() == resumes
    if resumes:
        assert client.visit()


def test_shared_among_workers(server):
    client = Client(server(of('ssl_session_cache shared:s:1m; ssl_session_tickets off;'), main='worker_processes 3;', files=files()), V12)
    client.visit()
    seen = set()

    def visited_by_three():
        assert client.visit()
        seen.add(client.response[2])
        return len(seen) > 1
    wait_for(visited_by_three, lambda: f'visits by two workers: {seen}')


@pytest.mark.parametrize('settings, version', [
    ('ssl_session_cache shared:s:1m; ssl_session_tickets off;', V12), ('ssl_session_cache shared:s:1m; ssl_session_tickets off;', V13),
    ('ssl_session_ticket_key key80;', V13), ('ssl_session_ticket_key key48;', V12),
])
def test_resumed_after_a_reload(server, settings, version):
    site = server(of(settings), files=files(key80=os.urandom(80), key48=os.urandom(48)))
    client = Client(site, version)
    client.visit()
    site.reload()
    assert client.visit()


@pytest.mark.sluice_only('it makes new keys of tickets with each configuration, unless ssl_session_cache is shared')
@pytest.mark.parametrize('version', [V12, V13])
def test_tickets_of_the_server_itself_after_a_reload(server, version):
    site = server(of(), files=files())
    client = Client(site, version)
    client.visit()
    site.reload()
    assert client.visit()


def test_cache_of_any_name(server):
    client = Client(server(of('ssl_session_cache shared:ssl_session_tickets:1m;'), files=files()), V12, tickets=False)
    client.visit()
    assert client.visit()


def test_keys_replaced(server):
    first, second = os.urandom(80), os.urandom(80)
    site = server(of('ssl_session_ticket_key first;'), files=files(first=first, second=second))
    client, other = Client(site), Client(site)
    client.visit(), other.visit()
    site.reload(of('ssl_session_ticket_key second; ssl_session_ticket_key first;'))
    assert client.visit()  # by the old key, and gets a ticket of the new one
    site.reload(of('ssl_session_ticket_key second;'))
    assert client.visit()
    assert not other.visit()


def test_timeout(server):
    client = Client(server(of('ssl_session_cache shared:s:1m; ssl_session_tickets off; ssl_session_timeout 2s;'), files=files()), V12)
    client.visit()
    kept = client.session
    assert client.visit()

    def is_forgotten():
        client.session = kept
        return not client.visit()
    wait_for(is_forgotten, 'the end of the session')


def test_full_cache_forgets_the_oldest(server):
    site = server(of('ssl_session_cache shared:s:32k; ssl_session_tickets off;'), files=files())
    first = Client(site, V12)
    first.visit()
    last = Client(site, V12)
    for _ in range(300):
        last.session = None
        last.visit()
    assert last.visit()
    assert not first.visit()


@pytest.mark.sluice_only('up to 1.26 it resumes them (CVE-2025-23419)')
def test_session_of_another_server(server):
    """What was agreed on under one name is not resumed under another, whose certificate was never shown."""
    client = Client(server(of(), files=files()))
    client.visit()
    assert not client.visit('b.test')


@pytest.mark.sluice_only('it sends two')
def test_one_ticket(server):
    """Two would cost the handshake a fifth more."""
    site = server(of(), files=files())
    done = subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{site.port()}', '-servername', 'a.test', '-msg', '-ign_eof'],
                          input=b'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n', stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=10, check=False)
    assert done.stdout.count(b'NewSessionTicket') == 1
