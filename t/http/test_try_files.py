"""try_files below alias, where names are relative to it: of prefix and of regex locations."""
import pytest

from lib.messages import reply

FILES = {'html/d/f': 'f', 'html/d/index.html': 'index', 'html/re/f': 'other', 'html/d/re/f': 'deep'}
ECHO = 'location /echo { return 200 "echo $args"; } location @named { return 200 "named $uri"; }'
REGEX = 'location ~ ^/re/(.*)$ {{ alias %%PREFIX%%/html/{}; try_files {}; }}'
PREFIX = 'location {} {{ alias %%PREFIX%%/html/{}; try_files {}; }}'


@pytest.mark.parametrize('location, answers', [
    # The value of a regex location's alias is the whole path, and a name goes behind it.
    (REGEX.format('d/$1', '$uri =410'), {'/re/f': 410, '/re/': 410, '/re/re/f': 410}),
    (REGEX.format('d/$1', '"" =410'), {'/re/f': 'f', '/re/none': 410}),
    (REGEX.format('d/', '$1 =410'), {'/re/f': 'f', '/re/none': 410, '/re/re/f': 'deep'}),
    (REGEX.format('d', '/$1 /echo?a=$1'), {'/re/f': 'f', '/re/none': 'echo a=none'}),
    (REGEX.format('', '$uri @named'), {'/re/f': 'other', '/re/none': 'named /re/none'}),
    (REGEX.format('d/', '$1 $1/ =410'), {'/re/f': 'f', '/re/': 'index', '/re/re': 301}),
    # Elsewhere it stands for the location's beginning, which the value of variables may have, too.
    (PREFIX.format('/al/', 'd/', '$uri $uri/ /al/index.html'), {'/al/f': 'f', '/al/none': 'index', '/al/': 'index', '/al/re': 301}),
    (PREFIX.format('/al/', 'd/', 'f =410'), {'/al/f': 'f', '/al/none': 'f'}),
    (PREFIX.format('/al', 'd', '$uri =410'), {'/al/f': 'f', '/al': 410, '/alx': 410}),
    (PREFIX.format('/al', 'd', '/al/f =410'), {'/al/f': 410, '/al/none': 410}),
    ('location /al/ { alias %%PREFIX%%/html/d/; location ~ ^/al/(.*)$ { try_files $uri =410; } }', {'/al/f': 'f', '/al/none': 410}),
])
def test_below_alias(server, location, answers):
    s = server(f'server {{ listen 127.0.0.1:%%main%%; {ECHO} {location} }}', files=FILES)
    for target, answer in answers.items():
        r = s.get(target)
        assert (r.text if r.status == 200 else r.status) == answer, target


def test_redirect_of_a_folder_below_a_regex_alias(server):
    s = server(f'server {{ listen 127.0.0.1:%%main%%; {REGEX.format("d/", "$1/ =410")} }}', files=FILES)
    assert s.get('/re/re').location == f'http://localhost:{s.port()}/re/re/'


def test_variables_of_what_was_found(server):
    location = REGEX.format('d/', '$1 =410; add_header X-Path $request_filename|$uri')
    s = server(f'server {{ listen 127.0.0.1:%%main%%; {location} }}', files=FILES)
    assert s.get('/re/re/f').headers['X-Path'] == f'{s.prefix}/html/d/re/f|re/f'


def test_circles(server):
    s = server('server { listen 127.0.0.1:%%main%%; location /c { try_files /none /c; } location /n { try_files /none @n; }'
               'location @n { try_files /none @n; } }')
    assert s.get('/c').status == 500
    s.wait_log(r'rewrite or internal redirection cycle while internally redirecting to "/c", client')
    assert s.get('/n').status == 500
    s.wait_log(r'rewrite or internal redirection cycle while redirect to named location "@n", client')


@pytest.mark.parametrize('target, asked', [
    ('/file/%61%2fb?c', '/file/%61%2fb?c'), ('/folder', '/folder'), ('/part/x', '/to/x'), ('/rewritten', '/d/f'), ('/named/%61', '/named/%61'),
])
def test_what_a_proxy_asks_for(server, upstream, target, asked):
    """What was found is no rewrite: the client's URI goes on as it came."""
    up = upstream(lambda r: reply(r.target))
    s = server('''server { listen 127.0.0.1:%%main%%; root %%PREFIX%%/html;
        location /file/ { try_files /d/f =410; proxy_pass http://127.0.0.1:%%up%%; }
        location /folder { try_files /d/ =410; proxy_pass http://127.0.0.1:%%up%%; }
        location /part/ { try_files /part/none $uri =410; proxy_pass http://127.0.0.1:%%up%%/to/; }
        location /rewritten { rewrite ^ /x break; try_files /d/f =410; proxy_pass http://127.0.0.1:%%up%%; }
        location /named/ { try_files /none @up; } location @up { proxy_pass http://127.0.0.1:%%up%%; } }''',
               files={**FILES, 'html/part/x': 'x'}, ports={'up': up.port})
    assert s.get(target).text == asked
