"""A server under audit: started in a folder of its own on free ports, and examined after every test."""
import contextlib
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import tempfile

from . import binary, configuration, processes
from .client import Connection, request
from .messages import Malformed
from .wait import wait_for

_START_TRIES = 5


def folder(path):
    path.mkdir(parents=True, exist_ok=True)
    return path


class Server:
    """The process tree, its folder and its logs."""

    def __init__(self, text, main='', events='', files=None, ports=None, server_binary=None):
        self.binary = server_binary or binary.path()
        self.prefix = pathlib.Path(tempfile.mkdtemp(prefix='sluice-test-'))
        self.prefix.chmod(0o755)
        self._template = configuration.complete(text, self.binary, main, events)
        self._known_ports = dict(ports or {})
        self.ports = {}
        self.process = None
        self._excused = []
        self._connections = []
        self._audited = 0
        self._base = {}
        # Connections to upstreams are kept for reuse by default since 1.29.7; the oracle is older.
        keeps = 'proxy_pass' in text and not binary.is_nginx(self.binary)
        self._spare_descriptors = 4 if keeps else 0
        if binary.is_nginx(self.binary):  # its workers get a channel to each other, some time after they have started
            self._spare_descriptors += max(self._workers_wanted(self._template), 1)
        for name in ('logs', 'conf', 'html', 'temp'):
            folder(self.prefix / name)
        for name, content in (files or {}).items():
            self.write(name, content)

    # Files

    def write(self, name, content=''):
        """Writes a file of the prefix and returns its path."""
        path = self.prefix / name
        folder(path.parent)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def read(self, name):
        path = self.prefix / name
        return path.read_text(errors='replace') if path.exists() else ''

    def log(self):
        """Text of the error log."""
        return self.read('logs/error.log')

    def wait_log(self, pattern, name='logs/error.log'):
        """Waits until the log has a match of the pattern, and returns it."""
        return wait_for(lambda: re.search(pattern, self.read(name)), lambda: f'{pattern!r} in {name}:\n{self.read(name)[-2000:]}')

    def access(self, count=1, name='logs/access.log'):
        """Waits for so many complete lines in an access log and returns all of its lines."""
        def lines():
            text = self.read(name)
            return text.splitlines() if text.count('\n') >= count else None
        return wait_for(lines, lambda: f'{count} lines in {name}: {self.read(name)!r}')

    # Life

    def start(self):
        """Starts, and returns when the sockets accept and the workers run."""
        for attempt in range(_START_TRIES):
            self.ports = dict(self._known_ports)
            text = configuration.fill_in(self._template, self.prefix, self.ports)
            self.write('conf/nginx.conf', text)
            (self.prefix / 'logs/error.log').unlink(missing_ok=True)
            self._launch(configuration.global_directives(text))
            if self._comes_up(self._workers_wanted(text)):
                break
            output = self.read('logs/output') or self.log()
            self.process = None
            if 'Address already in use' not in output or attempt + 1 == _START_TRIES:
                raise AssertionError(f'the server did not start:\n{output}')
        self._base = {pid: processes.descriptors(pid) for pid in self.workers()}
        return self

    def _launch(self, directives):
        def prepare():
            limit = resource.getrlimit(resource.RLIMIT_CORE)[1]
            resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
        options = f'log_path={self.prefix}/logs/sanitizer:print_stacktrace=1'
        environment = {**os.environ, 'ASAN_OPTIONS': f'{options}:detect_stack_use_after_return=1', 'UBSAN_OPTIONS': options}
        with open(self.prefix / 'logs/output', 'wb') as output:
            self.process = subprocess.Popen(
                [self.binary, '-p', f'{self.prefix}/', '-c', 'conf/nginx.conf', '-e', 'logs/error.log', '-g', directives],
                cwd=self.prefix, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                preexec_fn=prepare, start_new_session=True)

    @staticmethod
    def _workers_wanted(text):
        if re.search(r'^\s*master_process\s+off', text, re.M):
            return 0
        count = re.search(r'^\s*worker_processes\s+(\w+)', text, re.M)
        return len(os.sched_getaffinity(0)) if count and count[1] == 'auto' else int(count[1]) if count else 1

    def _comes_up(self, workers):
        def state():
            if self.process.poll() is not None:
                return 'ended'
            pid_file = next((self.prefix / 'logs').glob('*.pid'), None)
            ready = pid_file and pid_file.read_text().strip() == str(self.process.pid)
            return 'up' if ready and (len(self.workers()) >= max(workers, 1)) and (workers or self._has_loop()) else None
        return wait_for(state, lambda: f'start of {self.binary}:\n{self.log()}', 10) == 'up'

    def _has_loop(self):
        """Whether a process without a master has come so far."""
        return any(re.search('eventpoll|io_uring', name) for name in processes.descriptors(self.process.pid).values())

    def workers(self):
        """Process ids of the workers; of the only process, without a master."""
        found = [pid for pid in processes.children(self.process.pid) if 'worker process' in processes.title(pid)]
        if not found and 'master process' not in processes.title(self.process.pid):
            return [self.process.pid] if 'master_process off' in self.read('conf/nginx.conf') else []
        return found

    def signal(self, name):
        """Sends SIGname to the master."""
        self.process.send_signal(getattr(signal, f'SIG{name}'))

    def reload(self, text=None, **parts):
        """Writes the new configuration, if there is one, sends HUP and waits for a new generation of workers."""
        if text is not None:
            template = configuration.complete(text, self.binary, **parts)
            self.write('conf/nginx.conf', configuration.fill_in(template, self.prefix, self.ports))
        before = set(self.workers())
        self.signal('HUP')
        wait_for(lambda: self.workers() and not before & set(self.workers()), lambda: f'new workers:\n{self.log()}')
        self._base = {pid: processes.descriptors(pid) for pid in self.workers()}

    def quit(self):
        """QUIT, and what every server owes then: exit code 0, nobody left behind, no core, no report."""
        if self.process is None:
            return
        self.close_connections()
        family = [self.process.pid, *processes.descendants(self.process.pid)]
        self.signal('QUIT')
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f'still running 10 s after QUIT:\n{self.log()[-2000:]}') from None
        finally:
            self.process = None
        assert code == 0, f'exit code {code}\n{self.read("logs/output")}{self.log()[-2000:]}'
        wait_for(lambda: not any(map(processes.alive, family)), lambda: f'children left: {list(filter(processes.alive, family))}')
        self.check_traces()

    def kill(self):
        """For a server that does not end by itself. The master first: it would replace its workers."""
        if self.process and self.process.poll() is None:
            for pid in [self.process.pid, *processes.descendants(self.process.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def remove(self):
        shutil.rmtree(self.prefix, ignore_errors=True)

    # Audit

    def excuse(self, pattern):
        """The test expects [alert] or [emerg] lines that match."""
        self._excused.append(re.compile(pattern))

    def spare_descriptors(self, count):
        """The configuration keeps so many files or connections open on purpose, in each worker."""
        self._spare_descriptors = count

    def check_traces(self):
        """No alarming line in the error log since the last look, no sanitizer report, no core."""
        text = self.log()
        fresh, self._audited = text[min(self._audited, len(text)):], len(text)
        loud = [line for line in fresh.splitlines() if re.search(r'\[(alert|emerg)\]', line)
                and not any(pattern.search(line) for pattern in self._excused)]
        assert not loud, 'in the error log:\n' + '\n'.join(loud)
        reports = [path.read_text(errors='replace') for path in sorted((self.prefix / 'logs').glob('sanitizer.*'))]
        assert not reports, 'sanitizer reports:\n' + '\n'.join(reports)
        cores = [str(path) for path in self.prefix.rglob('core*') if path.is_file() and not path.is_relative_to(self.prefix / 'html')]
        assert not cores, f'core dumped: {cores}'

    def audit(self):
        """After every test: no alarming traces, workers alive, their descriptors back to the base count."""
        if self.process is None:
            return
        self.close_connections()
        assert self.process.poll() is None, f'the server ended by itself:\n{self.log()[-2000:]}'
        for pid in self.workers():
            base = self._base.get(pid)
            if base is not None:
                limit = len(base) + self._spare_descriptors
                wait_for(lambda pid=pid, limit=limit: len(processes.descriptors(pid)) <= limit,
                         lambda pid=pid, base=base: f'descriptors left open in {pid}: {self._extra(pid, base)}')
        self.check_traces()

    @staticmethod
    def _extra(pid, base):
        return {fd: name for fd, name in processes.descriptors(pid).items() if base.get(fd) != name}

    # Clients

    def port(self, name='main'):
        return self.ports[name]

    def connect(self, port='main', **options):
        """A new connection to the port of that name, or to a unix socket in the prefix, NAME.sock."""
        address = str(self.prefix / port) if port.endswith('.sock') else ('127.0.0.1', self.ports[port])
        connection = Connection(address, **options)
        self._connections.append(connection)
        return connection

    def close_connections(self):
        while self._connections:
            self._connections.pop().close()

    def request(self, method, target, headers=(), body=None, host='localhost', port='main'):
        """One request on a connection of its own; nothing may follow the response."""
        fields = list(headers.items() if isinstance(headers, dict) else headers)
        if not any(name.lower() == 'connection' for name, _ in fields):
            fields.append(('Connection', 'close'))
        return self.raw(request(method, target, fields, body, host), method, port)

    def get(self, target, headers=(), **options):
        return self.request('GET', target, headers, **options)

    def raw(self, data, method='GET', port='main'):
        """Sends the bytes, and parses the one response that comes until the server closes."""
        with self.connect(port) as connection:
            self._connections.remove(connection)
            response = connection.send(data).response(method)
            rest = connection.rest()
            if rest:
                raise Malformed(f'bytes after the response: {rest[:300]!r}')
            return response
