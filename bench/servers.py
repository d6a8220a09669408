"""The servers under measurement: one configuration for all, one worker on one core, and what the kernel says it cost."""
import os
import pathlib
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
NGINX = os.environ.get('NGINX', '/usr/sbin/nginx')
SLUICE = os.environ.get('SERVER') or str(ROOT / os.environ.get('BUILDDIR', 'build') / 'sluice')
SERVER_CORE, LOAD_CORE = '1', '0'
CONNECTIONS = 20000

HTTP = """
    default_type text/plain;
    access_log off;
    sendfile on;
    keepalive_timeout 300;
    keepalive_requests 100000000;
    ssl_protocols TLSv1.3;
    client_body_temp_path temp/body;
    proxy_temp_path temp/proxy;
    upstream origin { server 127.0.0.1:%(origin)d; keepalive 64; }
    upstream calls { server 127.0.0.1:%(origin_h2c)d; keepalive 64; keepalive_requests 100000000; }
    server {
        listen 127.0.0.1:%(port)d;
        listen 127.0.0.1:%(tls)d ssl http2;
        ssl_certificate %(folder)s/ec.pem;
        ssl_certificate_key %(folder)s/ec.key;
        location = /return { return 200 "ok"; }
        location / { root html; }
        location /proxied/ {
            proxy_pass http://origin/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
        location /calls/ { grpc_pass grpc://calls; }
    }
    server {
        listen 127.0.0.1:%(h2c)d http2;
        location = /return { return 200 "ok"; }
    }
    server {
        listen 127.0.0.1:%(ec)d ssl;
        ssl_session_tickets off;
        ssl_session_cache off;
        ssl_certificate %(folder)s/ec.pem;
        ssl_certificate_key %(folder)s/ec.key;
        location = /return { return 200 "ok"; }
    }
    server {
        listen 127.0.0.1:%(rsa)d ssl;
        ssl_session_tickets off;
        ssl_session_cache off;
        ssl_certificate %(folder)s/rsa.pem;
        ssl_certificate_key %(folder)s/rsa.key;
        location = /return { return 200 "ok"; }
    }
"""
ORIGIN = """
    default_type text/plain;
    access_log off;
    keepalive_timeout 300;
    keepalive_requests 100000000;
    open_file_cache max=10;
    server { listen 127.0.0.1:%(port)d; listen 127.0.0.1:%(h2c)d http2; root html; location /calls/ { alias html/; } location /proxied/ { alias html/; } }
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def make_certificates(folder):
    """ec.pem and rsa.pem with their keys, as most sites have them."""
    for name, kind in (('ec', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']), ('rsa', ['rsa:2048'])):
        subprocess.run(['openssl', 'req', '-x509', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-newkey', *kind,
                        '-keyout', f'{folder}/{name}.key', '-out', f'{folder}/{name}.pem'], check=True, capture_output=True)


def build_bare(folder):
    """bare and bare_tls in `folder`."""
    for name, libraries in (('bare', ['-luring']), ('bare_tls', ['-lssl', '-lcrypto'])):
        subprocess.run(['g++', '-std=c++20', '-O2', '-o', f'{folder}/{name}', ROOT / f'bench/{name}.cpp', *libraries], check=True)


class Measured:
    """A server, or what stands for one, that runs as `process` on the core of servers."""
    process = None

    def start(self, command, port, output):
        """Runs it until it accepts connections on the port."""
        with open(output, 'wb') as file:
            self.process = subprocess.Popen(command, stderr=file)
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(('127.0.0.1', port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f'{command} does not start: {pathlib.Path(output).read_text()}')
                time.sleep(0.05)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)

    def processes(self):
        """Master and workers."""
        pids = [self.process.pid]
        for pid in pids:
            children = pathlib.Path(f'/proc/{pid}/task/{pid}/children')
            pids += [int(word) for word in children.read_text().split()]
        return pids

    def cpu_seconds(self):
        """Processor time of every thread of every process so far; threads that ended are not counted."""
        total = 0
        for pid in self.processes():
            for task in pathlib.Path(f'/proc/{pid}/task').iterdir():
                total += int((task / 'schedstat').read_text().split()[0])
        return total / 1e9


class Bare(Measured):
    """A bare server: `what` are its arguments, or "tls" and those of bare_tls. It listens on one port, whatever is asked of it."""

    def __init__(self, method, what, folder):
        self.name = f'bare {method}'
        self.port = self.tls = self.ec = self.rsa = free_port()
        self.folder = folder
        words = what.split()
        if words[0] == 'tls':
            self.command = [f'{folder}/bare_tls', str(self.port), f'{folder}/{words[1]}.pem', f'{folder}/{words[1]}.key', *words[2:]]
        else:
            self.command = [f'{folder}/bare', method, str(self.port), *words]

    def __enter__(self):
        self.start(['taskset', '-c', SERVER_CORE, *self.command], self.port, f'{self.folder}/bare-output')
        return self


class Server(Measured):
    """One running server in a folder of its own. `method` is the event method; None: the server's choice."""

    def __init__(self, name, binary, method, folder, core, http, origin=None):
        self.name, self.binary, self.core = name, binary, core
        self.port, self.tls, self.ec, self.rsa, self.h2c = (free_port() for _ in range(5))
        self.folder = pathlib.Path(folder) / name.replace(' ', '-')
        for sub in ('html', 'logs', 'temp'):
            (self.folder / sub).mkdir(parents=True)
        self.folder.chmod(0o755)
        (self.folder / 'html/1k.txt').write_bytes(b'k' * 1024)
        (self.folder / 'html/100k.txt').write_bytes(b'K' * 102400)
        (self.folder / 'html/1m.txt').write_bytes(b'M' * 1048576)
        use = f'use {method};' if method else ''
        values = {'port': self.port, 'tls': self.tls, 'ec': self.ec, 'rsa': self.rsa, 'h2c': self.h2c, 'origin': origin.port if origin else 0,
                  'origin_h2c': origin.h2c if origin else 0, 'folder': folder}
        (self.folder / 'server.conf').write_text(
            f'user root; worker_processes 1; worker_rlimit_nofile {CONNECTIONS + 1000}; pid logs/pid;\n'
            f'error_log logs/error.log;\nevents {{ worker_connections {CONNECTIONS}; multi_accept on; {use} }}\n'
            f'http {{{http % values}}}\n')

    def __enter__(self):
        command = ['taskset', '-c', self.core, self.binary, '-p', f'{self.folder}/', '-c',
                   str(self.folder / 'server.conf'), '-g', 'daemon off;']
        self.start(command, self.port, self.folder / 'logs/output')
        return self

    def restart(self):
        self.__exit__()
        self.__enter__()

    def worker(self):
        return self.processes()[-1]

    def memory(self):
        """Private memory of the worker in bytes."""
        for line in pathlib.Path(f'/proc/{self.worker()}/smaps_rollup').read_text().splitlines():
            if line.startswith('Private_Dirty:'):
                return int(line.split()[1]) * 1024
        raise RuntimeError('no Private_Dirty in smaps_rollup')
