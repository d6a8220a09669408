"""autoindex in its formats, with names that need escaping, and stub_status."""
import json
import os
import re
import xml.etree.ElementTree

import pytest

TIME = 1_600_000_000  # 13-Sep-2020 12:26:40 UTC
CONF = '''
    server {
        listen 127.0.0.1:%%main%%;
        location /html/ { autoindex on; alias html/; }
        location /inexact/ { autoindex on; autoindex_exact_size off; alias html/; }
        location /local/ { autoindex on; autoindex_localtime on; alias html/; }
        location /json/ { autoindex on; autoindex_format json; alias html/; }
        location /jsonp/ { autoindex on; autoindex_format jsonp; alias html/; }
        location /xml/ { autoindex on; autoindex_format xml; alias html/; }
        location /off/ { alias html/; }
        location = /status { stub_status; }
        location = /old { stub_status on; }
        location = /vars { stub_status; add_header X-V "$connections_active $connections_reading $connections_writing $connections_waiting"; }
    }
'''
LONG = 'l' * 60
NAMES = {'a.txt': 5, 'big': 50000, 'm': 3 << 20, LONG: 1, 'sp ace & <x>"q\'.txt': 2, 'ä': 3, 'per%cent?q#h': 4, 'semi;co:lon': 1}


@pytest.fixture(scope='module')
def site(module_server):
    s = module_server(CONF, files={f'html/{name}': b'x' * size for name, size in NAMES.items()} | {'html/.hidden': '', 'html/sub/x': ''})
    for name in [*NAMES, 'sub']:
        os.utime(s.prefix / 'html' / name, (TIME, TIME))
    return s


def test_html(site):
    r = site.get('/html/')
    assert r.headers['Content-Type'] == 'text/html'
    lines = r.text.split('\r\n')
    assert lines[:5] == ['<html>', '<head><title>Index of /html/</title></head>', '<body>',
                         '<h1>Index of /html/</h1><hr><pre><a href="../">../</a>', '<a href="sub/">sub/</a>' + ' ' * 47 + '13-Sep-2020 12:26                   -']
    assert '<a href="a.txt">a.txt</a>' + ' ' * 46 + '13-Sep-2020 12:26                   5' in lines
    assert f'<a href="{LONG}">{LONG[:47]}..&gt;</a> 13-Sep-2020 12:26                   1' in lines
    assert '<a href="sp%20ace%20%26%20%3Cx%3E%22q%27.txt">sp ace &amp; &lt;x&gt;&quot;q\'.txt</a>' in r.text
    assert '<a href="per%25cent%3Fq%23h">per%cent?q#h</a>' in r.text
    assert '<a href="%C3%A4">ä</a>' in r.text
    assert '.hidden' not in r.text and lines[-3:] == ['</pre><hr></body>', '</html>', '']


def test_inexact_sizes(site):
    text = site.get('/inexact/').text
    assert re.search(r'>big</a> +13-Sep-2020 12:26 +49K\r\n', text) and re.search(r'>m</a> +13-Sep-2020 12:26 +3M\r\n', text)


def test_local_time(site):
    assert '13-Sep-2020' in site.get('/local/').text


def test_json(site):
    r = site.get('/json/')
    assert r.headers['Content-Type'] == 'application/json'
    entries = {entry['name']: entry for entry in json.loads(r.body)}
    assert set(entries) == {*NAMES, 'sub'}
    assert entries['sub'] == {'name': 'sub', 'type': 'directory', 'mtime': 'Sun, 13 Sep 2020 12:26:40 GMT'}
    assert entries['big'] == {'name': 'big', 'type': 'file', 'mtime': 'Sun, 13 Sep 2020 12:26:40 GMT', 'size': 50000}


def test_jsonp(site):
    r = site.get('/jsonp/?callback=fn')
    assert r.headers['Content-Type'] == 'application/javascript' and r.text.startswith('/* callback */\r\nfn([') and r.text.endswith(']);')
    assert site.get('/jsonp/').text.startswith('[')
    assert site.get('/jsonp/?callback=a-b').status == 400
    site.wait_log(r'\[info\] .* client sent invalid callback name: "a-b", client: ')


@pytest.mark.parametrize('name, status', [('a.b_C0', 200), ('x' * 128, 200), ('x' * 129, 400), ('a[0]', 400), ('$', 400)])
def test_names_of_callbacks(site, name, status):
    assert site.get(f'/jsonp/?callback={name}').status == status
    if status != 200:
        site.wait_log(rf'client sent {"too long" if len(name) > 128 else "invalid"} callback name: "{re.escape(name)}", client: ')


def test_xml(site):
    r = site.get('/xml/')
    assert r.headers['Content-Type'] == 'text/xml; charset=utf-8' or r.headers['Content-Type'] == 'text/xml'
    root = xml.etree.ElementTree.fromstring(r.body)
    assert root.tag == 'list'
    files = {node.text: node.attrib for node in root.iter('file')}
    assert set(files) == set(NAMES) and files['big'] == {'mtime': '2020-09-13T12:26:40Z', 'size': '50000'}
    assert [(node.text, node.attrib) for node in root.iter('directory')] == [('sub', {'mtime': '2020-09-13T12:26:40Z'})]


def test_the_log_says_what_is_not_listed(server):
    s = server(CONF, main='user nobody nogroup;', files={'html/f': 'f', 'html/hidden/x': 'x'})
    s.prefix.chmod(0o755)
    os.symlink('hidden/x', s.prefix / 'html/link')
    (s.prefix / 'html/hidden').chmod(0)
    names = {entry['name'] for entry in json.loads(s.get('/json/').body)}
    (s.prefix / 'html/hidden').chmod(0o700)
    assert names == {'f', 'hidden'}
    s.wait_log(r'\[crit\] .* stat\(\) ".*/html/link" failed \(13: Permission denied\), client: ')


def test_off_and_methods(site):
    assert site.get('/off/').status == 403
    assert site.request('POST', '/html/').status == 403
    assert site.get('/html/none/').status == 404
    head = site.request('HEAD', '/html/')
    assert head.status == 200 and head.body == b''


def test_stub_status(site):
    pattern = r'Active connections: (\d+) \nserver accepts handled requests\n (\d+) (\d+) (\d+) \nReading: (\d+) Writing: (\d+) Waiting: (\d+) \n'
    first, second = [[int(n) for n in re.fullmatch(pattern, site.get(target).text).groups()] for target in ('/status', '/old')]
    assert first[0] == second[0] == 1 and first[4:] == [0, 1, 0]
    assert second[1:4] == [n + 1 for n in first[1:4]]
    assert site.get('/vars').headers['X-V'] == '1 0 1 0'
    assert site.get('/status').headers['Content-Type'] == 'text/plain'
    assert site.request('POST', '/status').status == 405
    idle = site.connect()
    idle.get('/status')
    assert site.get('/status').text.endswith('Reading: 0 Writing: 1 Waiting: 1 \n')
