"""A whole production configuration, unchanged but for its ports: what an operator points the server at first."""
import pytest

from lib.messages import reply

CONF = r'''
worker_processes auto;
events { worker_connections 4096; multi_accept on; use epoll; }
http {
    include mime.types;  default_type application/octet-stream;  sendfile on;  keepalive_timeout 65;
    log_format main '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for"';
    access_log logs/access.log main;
    upstream backend { server 127.0.0.1:%%b1%% weight=5; server 127.0.0.1:%%b2%% weight=2; server 127.0.0.1:%%b3%%; keepalive 50; }
    server {
        listen %%main%%;  server_name app.example.com;
        location / {
            proxy_pass http://backend;
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_connect_timeout 5s;  proxy_send_timeout 10s;  proxy_read_timeout 30s;
            add_header X-Frame-Options "SAMEORIGIN" always;
        }
        location /api/reports { proxy_read_timeout 120s; proxy_pass http://backend; }
        location /static/ { root html; expires 1d; autoindex on; }
        location ~ \.php$ { return 403; }
        location = /nginx_status { stub_status; }
        error_page 500 502 503 504 /50x.html;
    }
}
'''
MIME = 'types { text/html html; text/css css; image/png png; }\n'
FILES = {'conf/mime.types': MIME, 'html/static/a.css': 'body{}', 'html/static/sub/x.html': '<p>x'}


@pytest.fixture
def site(server, upstream):
    backends = {name: upstream(lambda _, name=name: reply(name)) for name in ('b1', 'b2', 'b3')}
    s = server(CONF, files=FILES, ports={name: up.port for name, up in backends.items()})
    s.spare_descriptors(9)
    s.backends = backends
    return s


def test_proxied_request(site):
    r = site.get('/page?q=1', {'X-Forwarded-For': '10.0.0.1', 'User-Agent': 'ua', 'Referer': 'http://r/'}, host='app.example.com')
    assert r.status == 200 and r.headers['X-Frame-Options'] == 'SAMEORIGIN'
    seen = site.backends[r.text].last
    assert seen.target == '/page?q=1'
    assert seen.headers['Host'] == 'app.example.com'
    assert seen.headers['X-Real-IP'] == '127.0.0.1'
    assert seen.headers['X-Forwarded-For'] == '10.0.0.1, 127.0.0.1'
    assert seen.headers['X-Forwarded-Proto'] == 'http'
    line = site.access()[-1]
    assert line.startswith('127.0.0.1 - - [')
    assert line.endswith('"GET /page?q=1 HTTP/1.1" 200 2 "http://r/" "ua" "10.0.0.1"')


def test_inner_location_inherits_no_headers(site):
    r = site.get('/api/reports/1', host='app.example.com')
    assert 'X-Frame-Options' not in r.headers
    seen = site.backends[r.text].last
    assert seen.headers['Host'] == 'backend' and 'X-Real-IP' not in seen.headers


def test_static_with_expires_and_listing(site):
    r = site.get('/static/a.css')
    assert (r.status, r.body, r.headers['Content-Type']) == (200, b'body{}', 'text/css')
    assert r.headers['Cache-Control'] == 'max-age=86400' and 'Expires' in r.headers
    listing = site.get('/static/').text
    assert '<h1>Index of /static/</h1>' in listing and '<a href="sub/">sub/</a>' in listing


def test_denied_and_status(site):
    assert site.get('/any/x.php').status == 403
    assert site.get('/nginx_status').text.startswith('Active connections: 1 \nserver accepts handled requests\n ')


def test_weights(site):
    counts = {'b1': 0, 'b2': 0, 'b3': 0}
    with site.connect() as c:  # one connection: one worker's order
        for _ in range(16):
            counts[c.get('/').text] += 1
    assert counts == {'b1': 10, 'b2': 4, 'b3': 2}


def test_error_page_goes_to_the_dead_upstream_too(server):
    s = server(CONF, files=FILES)
    r = s.get('/')
    assert r.status == 502 and '<h1>502 Bad Gateway</h1>' in r.text
    s.wait_log(r'\[error\] \d+#\d+: \*\d+ connect\(\) failed \(111: Connection refused\) while connecting to upstream, '
               r'client: 127.0.0.1, server: app.example.com, request: "GET / HTTP/1.1", upstream: "http://127.0.0.1:\d+/", host: "localhost"')
    s.wait_log(r'no live upstreams while connecting to upstream, client: .*upstream: "http://backend/50x.html", host: "localhost"')
