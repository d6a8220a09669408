"""Which location answers: exact, prefix, ^~, regex, nested, named, limit_except, and the redirect that adds a slash."""
import pytest

CONF = r'''
    server {
        listen 127.0.0.1:%%main%%;
        location / { return 200 root; }
        location = / { return 200 exact-root; }
        location = /exact { return 200 exact; }
        location /exact { return 200 prefix-of-exact; }
        location /a { return 200 a; }
        location /a/b { return 200 ab; }
        location /a/b/longest { return 200 longest; }
        location ^~ /fixed/ { return 200 fixed; }
        location ~ \.png$ { return 200 png; }
        location ~ \.p { return 200 later-regex; }
        location ~* \.JPG$ { return 200 jpg; }
        location ~ ^/num/(\d+)/(?<word>\w+)$ { return 200 "$1-$word"; }
        location /outer/ {
            return 200 outer;
        }
        location /nest/ {
            location /nest/in/ {
                location = /nest/in/exact { return 200 nest-exact; }
                return 200 nest-in;
            }
            location ~ \.css$ { return 200 nest-css; }
            location ^~ /nest/plain/ { return 200 nest-plain; }
            return 200 nest;
        }
        location ~ ^/re/ {
            location ~ \.css$ { return 200 re-css; }
            return 200 re;
        }
        location "/with space" { return 200 space; }
        location /enc%20oded { return 200 never; }
        location /try { try_files /none @named; }
        location @named { return 200 "named $uri"; }
        location /slash/ { proxy_pass http://127.0.0.1:1; }
        location /slash-more/ { return 200 more; }
        location = /slash! { return 200 exclamation; }
        location /noslash/ { return 200 noslash; }
        location /both { return 200 both; }
        location /both/ { proxy_pass http://127.0.0.1:1; }
        location = /only/ { proxy_pass http://127.0.0.1:1; }
        location ~ ^/only { return 200 regex; }
        location /case/ { return 200 case; }
        location /writable {
            limit_except GET PUT { deny all; }
            default_type text/plain;
            try_files /file =404;
        }
    }
'''


@pytest.fixture(scope='module')
def site(module_server):
    return module_server(CONF, files={'html/file': 'file'})


@pytest.mark.parametrize('target, answer', [
    ('/', 'exact-root'), ('/?x', 'exact-root'), ('/other', 'root'), ('/exact', 'exact'), ('/exact/', 'prefix-of-exact'),
    ('/exactly', 'prefix-of-exact'), ('/a', 'a'), ('/a/', 'a'), ('/a/b', 'ab'), ('/a/bc', 'ab'), ('/a/b/long', 'ab'),
    ('/a/b/longest', 'longest'), ('/ab', 'a'), ('/fixed/x.png', 'fixed'), ('/x.png', 'png'), ('/a/b/x.png', 'png'),
    ('/x.php', 'later-regex'), ('/x.JpG', 'jpg'), ('/x.PNG', 'root'), ('/num/42/word', '42-word'), ('/num/x/word', 'root'),
    ('/outer/x', 'outer'), ('/nest/x', 'nest'), ('/nest/in/x', 'nest-in'), ('/nest/in/exact', 'nest-exact'),
    ('/nest/x.css', 'nest-css'), ('/nest/in/x.css', 'nest-css'), ('/nest/plain/x.css', 'nest-plain'), ('/nest/x.png', 'png'),
    ('/re/x.css', 're-css'), ('/re/x', 're'), ('/with%20space', 'space'), ('/enc%20oded', 'root'), ('/try', 'named /try'),
    ('/a/../outer/x', 'outer'), ('/%61/b', 'ab'), ('//a//b', 'ab'), ('/a/./b', 'ab'), ('/CASE/', 'root'), ('/noslash', 'root'),
    ('/both', 'both'), ('/slash-', 'root'), ('/slash-more/', 'more'),
])
def test_location(site, target, answer):
    r = site.get(target)
    assert (r.status, r.text) == (200, answer)


@pytest.mark.parametrize('target, wanted', [('/slash', '/slash/'), ('/slash?a=b', '/slash/?a=b'), ('/only', '/only/')])
def test_slash_redirect(site, target, wanted):
    r = site.get(target, host='h.example')
    assert (r.status, r.location) == (301, f'http://h.example:{site.port()}{wanted}')


@pytest.mark.parametrize('method, status', [('GET', 200), ('HEAD', 200), ('PUT', 405), ('DELETE', 403), ('PATCH', 403)])
def test_limit_except(site, method, status):
    assert site.request(method, '/writable').status == status


def test_named_location_is_not_reachable(site):
    assert site.raw(b'GET @named HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n').status == 400
    assert site.get('/@named').text == 'root'


def test_the_first_of_two_named_locations_answers(server):
    s = server('server { listen 127.0.0.1:%%main%%; try_files /none @a; location @a { return 200 first; } location @a { return 200 second; } }')
    assert s.get('/').text == 'first'


def test_internal_holds_for_inner_locations(server):
    s = server('''server { listen 127.0.0.1:%%main%%; location /hidden/ { internal; location /hidden/in/ { return 200 secret; } location ~ x$ { return 200 secret; } }
        location /way { error_page 404 = /hidden/in/; return 404; } location /named { try_files /none @n; } location @n { return 200 open; } }''')
    assert [s.get(target).status for target in ('/hidden/', '/hidden/in/', '/hidden/x')] == [404] * 3
    assert s.get('/way').text == 'secret' and s.get('/named').text == 'open'
