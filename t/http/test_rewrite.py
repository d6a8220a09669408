"""rewrite, return, set, if, break: flags, captures, arguments, conditions and the limit of ten rounds."""
import pytest

CONF = r'''
    server {
        listen 127.0.0.1:%%main%%;
        rewrite ^/server/(.*)$ /echo/$1?from=server;
        location /echo { return 200 "uri=$uri args=$args"; }
        location /last/ { rewrite ^/last/(.*)$ /echo/$1 last; return 500; }
        location /break/ { rewrite ^/break/(.*)$ /html/$1 break; root %%PREFIX%%; }
        location /noflag/ { rewrite ^/noflag/(.*)$ /step/$1; rewrite ^/step/(.*)$ /echo/$1; }
        location /redirect/ { rewrite ^/redirect/(.*)$ /to/$1 redirect; }
        location /permanent/ { rewrite ^/permanent/(.*)$ /to/$1 permanent; }
        location /scheme/ { rewrite ^/scheme/(.*)$ https://other.example/$1; }
        location /urllast/ { rewrite ^/urllast/(.*)$ http://other.example/$1 last; }
        location /urlbreak/ { rewrite ^/urlbreak/(.*)$ $scheme://other.example/$1 break; }
        location /urlpermanent/ { rewrite ^/urlpermanent/(.*)$ https://other.example/$1 permanent; }
        location /secret { internal; return 200 "internal $uri"; }
        location /opened/ { rewrite ^/opened/(.*)$ /secret/$1 last; }
        location /utf8 { if ($arg_v ~ "(*UTF8)^(.)") { return 200 "yes [$1]"; } return 200 no; }
        location /dropargs/ { rewrite ^ /echo? last; }
        location /newargs/ { rewrite ^/newargs/(\w+) /echo?name=$1 last; }
        location /onlynew/ { rewrite ^/onlynew/(\w+) /echo?name=$1? last; }
        location /redirargs/ { rewrite ^ /x?a=1 redirect; }
        location /redirdrop/ { rewrite ^ /x? redirect; }
        location /nocase/ { rewrite (?i)^/NOCASE/(.*)$ /echo/$1 last; }
        location /named/ { rewrite ^/named/(?<word>\w+)/(?<rest>.*)$ /echo/$rest/$word last; }
        location /loop { rewrite ^ /loop last; }
        location /loopten { rewrite "^/loopten(x{0,10})$" /looptenx$1 last; return 200 "end $uri"; }
        location /bounce/ { rewrite ^/bounce/(.*)$ /bounce/$1 last; }
        location /setargs { set $args a=changed; rewrite ^ /echo last; }
        location /setlocal { set $a 1; set $b "$a-$a"; set $a 2; return 200 "$a $b"; }
        location /unset { if ($arg_x) { set $maybe yes; } return 200 "[$maybe]"; }
        location /encoded/ { rewrite ^/encoded/(.*)$ /to/$1 redirect; }
        location /uriargs/ { rewrite ^/uriargs/(.*)$ /echo?q=$1 last; }

        location /decoded/ { rewrite ^/decoded/(.*)$ /x%2f%41%20%3f$1%41 redirect; }
        location /decodednot/ { rewrite ^/decodednot/(.*)$ /x%7f%41?%41 redirect; }
        location /forgotten { if ($arg_a ~ (x)) { set $one $1; } if ($arg_b ~ y) { set $two 2; } return 200 "$one|$1"; }
        location /nowhere { return 301; }

        location /if/eq { if ($arg_v = one) { return 200 yes; } return 200 no; }
        location /if/ne { if ($arg_v != one) { return 200 yes; } return 200 no; }
        location /if/true { if ($arg_v) { return 200 yes; } return 200 no; }
        location /if/re { if ($arg_v ~ ^(\w)x) { return 200 "yes $1"; } return 200 no; }
        location /if/rei { if ($arg_v ~* ^X) { return 200 yes; } return 200 no; }
        location /if/nre { if ($arg_v !~ ^x) { return 200 yes; } return 200 no; }
        location /if/nrei { if ($arg_v !~* ^x) { return 200 yes; } return 200 no; }
        location /if/file { if (-f %%PREFIX%%/html/$arg_v) { return 200 yes; } return 200 no; }
        location /if/nofile { if (!-f %%PREFIX%%/html/$arg_v) { return 200 yes; } return 200 no; }
        location /if/dir { if (-d %%PREFIX%%/html/$arg_v) { return 200 yes; } return 200 no; }
        location /if/nodir { if (!-d %%PREFIX%%/html/$arg_v) { return 200 yes; } return 200 no; }
        location /if/exists { if (-e %%PREFIX%%/html/$arg_v) { return 200 yes; } return 200 no; }
        location /if/noexists { if (!-e %%PREFIX%%/html/$arg_v) { return 200 yes; } return 200 no; }
        location /if/exec { if (-x %%PREFIX%%/html/$arg_v) { return 200 yes; } return 200 no; }
        location /if/noexec { if (!-x %%PREFIX%%/html/$arg_v) { return 200 yes; } return 200 no; }
        location /if/method { if ($request_method = POST) { return 405; } return 200 no; }
        location /if/conf { add_header X-If outer always; if ($arg_v) { add_header X-If inner always; } try_files /file =404; root %%PREFIX%%/html; }
        location /if/break { if ($arg_v) { break; return 500; } return 200 after; }
        location /if/last { set $x 0; if ($arg_a) { set $x 1; } if ($arg_b) { set $x "${x}2"; } return 200 $x; }
        location /breaks { break; return 500; try_files /file =404; root %%PREFIX%%/html; }

        location /ret/text { return 200 "a $arg_v b"; }
        location /ret/type { default_type application/json; return 200 '{}'; }
        location /ret/204 { return 204; }
        location /ret/301 { return 301 /moved?$args; }
        location /ret/302 { return 302 http://other.example/; }
        location /ret/303 { return 303 /x; }
        location /ret/307 { return 307 /x; }
        location /ret/308 { return 308 /x; }
        location /ret/url { return https://other.example$request_uri; }
        location /ret/404text { return 404 "custom text"; }
        location /ret/418 { return 418 teapot; }
        location /ret/599 { return 599; }
        location /ret/999 { return 999 x; }
    }
    server { listen 127.0.0.1:%%server%%; if ($arg_deny) { return 403; } set $who server; rewrite ^/gone$ /x permanent; location / { return 200 $who; } }
    server { listen 127.0.0.1:%%whole%%; return 301 http://whole.example$request_uri; }
    server { listen 127.0.0.1:%%relative%%; absolute_redirect off; location /r { return 301 /x; } location /d/ { proxy_pass http://127.0.0.1:1; } }
    server { listen 127.0.0.1:%%portless%%; port_in_redirect off; location /r { return 301 /x; } }
'''


@pytest.fixture(scope='module')
def site(module_server):
    s = module_server(CONF, files={'html/file': 'file', 'html/dir/x': 'x'})
    (s.prefix / 'html/file').chmod(0o644)
    return s


@pytest.mark.parametrize('target, text', [
    ('/server/x', 'uri=/echo/x args=from=server'), ('/server/x?a=b', 'uri=/echo/x args=from=server&a=b'),
    ('/last/x?a=b', 'uri=/echo/x args=a=b'), ('/noflag/x', 'uri=/echo/x args='), ('/dropargs/x?a=b', 'uri=/echo args='),
    ('/newargs/bob?a=b', 'uri=/echo args=name=bob&a=b'), ('/onlynew/bob?a=b', 'uri=/echo args=name=bob'),
    ('/nocase/x', 'uri=/echo/x args='), ('/named/one/two', 'uri=/echo/two/one args='),
    ('/setargs?a=b', 'uri=/echo args=a=changed'), ('/setlocal', '2 1-1'), ('/unset', '[]'), ('/unset?x=1', '[yes]'),
    ('/break/file', 'file'), ('/uriargs/a%20b%26c', 'uri=/echo args=q=a%20b%26c'), ('/last/a%20b', 'uri=/echo/a b args='),
    ('/if/eq?v=one', 'yes'), ('/if/eq?v=two', 'no'), ('/if/ne?v=two', 'yes'), ('/if/ne?v=one', 'no'),
    ('/if/true?v=x', 'yes'), ('/if/true?v=0', 'no'), ('/if/true?v=', 'no'), ('/if/true', 'no'), ('/if/true?v=00', 'yes'),
    ('/if/re?v=ax', 'yes a'), ('/if/re?v=b', 'no'), ('/if/rei?v=xy', 'yes'), ('/if/nre?v=y', 'yes'), ('/if/nre?v=x', 'no'),
    ('/if/nrei?v=X', 'no'), ('/if/file?v=file', 'yes'), ('/if/file?v=dir', 'no'), ('/if/nofile?v=dir', 'yes'),
    ('/if/dir?v=dir', 'yes'), ('/if/dir?v=file', 'no'), ('/if/nodir?v=file', 'yes'), ('/if/exists?v=dir', 'yes'),
    ('/if/exists?v=none', 'no'), ('/if/noexists?v=none', 'yes'), ('/if/exec?v=dir', 'yes'), ('/if/exec?v=file', 'no'),
    ('/if/noexec?v=file', 'yes'), ('/if/method', 'no'), ('/if/last', '0'), ('/if/last?a=1', '1'), ('/if/last?a=1&b=1', '12'),
    ('/breaks', 'file'), ('/ret/text?v=1', 'a 1 b'), ('/ret/type', '{}'), ('/opened/x', 'internal /secret/x'),
    ('/utf8?v=abc', 'yes [a]'), ('/utf8', 'no'),
])
def test_answer(site, target, text):
    r = site.get(target)
    assert (r.status, r.text) == (200, text)


@pytest.mark.parametrize('target, status, location', [
    ('/redirect/x?a=b', 302, '/to/x?a=b'), ('/permanent/x', 301, '/to/x'), ('/scheme/x?a', 302, 'https://other.example/x?a'),
    ('/redirargs/?b=2', 302, '/x?a=1&b=2'), ('/redirdrop/?b=2', 302, '/x'), ('/encoded/a%20b', 302, '/to/a%20b'),
    ('/ret/301?a=b', 301, '/moved?a=b'), ('/ret/302', 302, 'http://other.example/'),
    ('/urllast/x', 302, 'http://other.example/x'), ('/urlbreak/x?a', 302, 'http://other.example/x?a'),
    ('/urlpermanent/x', 301, 'https://other.example/x'),
    ('/ret/303', 303, '/x'), ('/ret/307', 307, '/x'), ('/ret/308', 308, '/x'), ('/ret/url?a=b', 302, 'https://other.example/ret/url?a=b'),
])
def test_redirect(site, target, status, location):
    r = site.get(target)
    absolute = f'http://localhost:{site.port()}{location}' if location.startswith('/') else location
    assert (r.status, r.location) == (status, absolute)
    assert f'<center><h1>{status} ' in r.text


@pytest.mark.sluice_only('nginx logs it as an alert, which the harness takes for a defect')
def test_bytes_that_are_no_utf8_are_not_matched_as_such(site):
    assert site.raw(b'GET /utf8?v=\xf0abc HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n').status == 500
    site.wait_log(r'pcre2_match\(\) failed: -\d+')


@pytest.mark.parametrize('rules, target, text', [
    ('rewrite ^/a/(.*)$ /$1; rewrite ^/b/(.*)$ /a/$1 break;', '/b/file', '404'),
    ('rewrite ^(/.*)$ /sub$1 break;', '/file', 'sub/file'), ('rewrite ^(/.*)$ /sub$1; location = /none { }', '/file', 'sub/file'),
    ('rewrite ^(/.*)$ /sub$1 break; location / { root html; }', '/file', 'sub/file'),
    ('set $n "${n}x"; add_header X-N $n always;', '/file', 'file x'),
])
def test_rules_of_a_server_run_once_where_no_location_is_found(server, rules, target, text):
    s = server(f'server {{ listen 127.0.0.1:%%main%%; root %%PREFIX%%/html; {rules} }}'.replace('root html', 'root %%PREFIX%%/html'),
               files={'html/file': 'file', 'html/sub/file': 'sub/file', 'html/sub/sub/file': 'twice'})
    r = s.get(target)
    assert (' '.join(filter(None, [r.text, r.headers.get('X-N')])) if r.status == 200 else str(r.status)) == text


def test_last_in_a_server_block_ends_the_rewrites(server):
    s = server('server { listen 127.0.0.1:%%main%%; rewrite ^/a /b last; rewrite ^/b /c; location / { return 200 $uri; } }')
    assert s.get('/a').text == '/b'


@pytest.mark.parametrize('target, status', [('/loop', 500), ('/loopten', 500), ('/bounce/x', 500)])
def test_loop(site, target, status):
    assert site.get(target).status == status
    site.wait_log(r'rewrite or internal redirection cycle while processing "' + target)


def test_ten_rounds_are_allowed(site):
    assert site.get('/looptenx').text == 'end /looptenxxxxxxxxxxx'


def test_statuses(site):
    assert site.get('/ret/204').status == 204
    assert 'Content-Type' not in site.get('/ret/204').headers
    assert (site.get('/ret/404text').status, site.get('/ret/404text').text) == (404, 'custom text')
    r = site.get('/ret/418')
    assert (r.status, r.text) == (418, 'teapot')
    assert site.get('/ret/599').status == 599
    assert site.request('POST', '/if/method').status == 405
    assert site.get('/ret/type').headers['Content-Type'] == 'application/json'
    assert site.get('/if/break?v=1').status == 404


def test_if_is_a_location_of_its_own(site):
    assert site.get('/if/conf').headers['X-If'] == 'outer'
    assert site.get('/if/conf?v=1').headers.all('X-If') == ['inner']


def test_server_level(site):
    assert site.get('/', port='server').text == 'server'
    assert site.get('/?deny=1', port='server').status == 403
    assert site.get('/gone', port='server').status == 301
    assert site.get('/a?b', port='whole').location == 'http://whole.example/a?b'


def test_shape_of_location(site):
    assert site.get('/r', port='relative').location == '/x'
    assert site.get('/d?a', port='relative').location == '/d/?a'
    assert site.get('/r', port='portless').location == 'http://localhost/x'


def test_rewrite_log(server):
    s = server('error_log logs/error.log notice; rewrite_log on;'
               ' server { listen 127.0.0.1:%%main%%; rewrite ^/a(.*) /b$1; location / { return 200 x; } }')
    s.get('/ax?q')
    s.wait_log(r'\[notice\] .* "\^/a\(\.\*\)" matches "/ax", client: 127.0.0.1, server: , request: "GET /ax\?q HTTP/1.1"')
    s.wait_log(r'rewritten data: "/bx", args: "q", client')


def test_uninitialized_variable_is_told(server):
    s = server('server { listen 127.0.0.1:%%main%%; location / { if ($arg_x) { set $v 1; } return 200 "[$v]"; } }')
    assert s.get('/').text == '[]'
    s.wait_log(r'\[warn\] .* using uninitialized "v" variable, client')


@pytest.mark.parametrize('target, location', [
    ('/decoded/y', '/x/A%20?y%41'), ('/decoded/a%20b', '/x/A%20?a%20b%41'), ('/decodednot/y', '/x%7fA?%41'),
])
def test_redirect_target_is_decoded_up_to_its_arguments(site, target, location):
    r = site.get(target)
    assert r.status == 302 and r.headers['Location'].partition('://')[2].partition('/')[2] == location[1:]


def test_regex_without_a_match_forgets_the_captures(site):
    assert site.get('/forgotten?a=x&b=z').text == 'x|'
    assert site.get('/forgotten?a=x&b=y').text == 'x|'


def test_redirect_to_nowhere_says_so(site):
    r = site.get('/nowhere')
    assert r.status == 301 and r.headers['Location'] == ''


def test_if_of_a_server_without_locations(server):
    """Its rules run once, and what holds for the server goes on holding."""
    s = server('server { listen 127.0.0.1:%%main%%; root %%PREFIX%%/html; add_header X-Uri $uri; try_files $uri /file;'
               'if ($arg_x) { rewrite ^/(.*)$ /p/$1; } }', files={'html/file': 'file', 'html/p/a': 'a', 'html/p/p/a': 'twice'})
    assert s.get('/a?x=1').text == 'a'
    assert s.get('/none?x=1').text == s.get('/none').text == 'file'
