"""A crowd of clients in one thread: each always has a request under way, and checks every byte that comes back."""
import contextlib
import selectors
import socket
import threading
import time

from .wait import DEADLINE, wait_for


class _Visitor:
    """One client: a connection, the request on it and what has come of the response."""

    def __init__(self, number, keeps):
        self.number = number
        self.keeps = keeps  # uses a connection again when the server offers it
        self.socket = None
        self.target = None
        self.received = bytearray()
        self.head_size = self.body_size = 0
        self.may_keep = False  # the server has offered it
        self.is_kept = False   # and there was an answer before
        self.since = 0

    def __repr__(self):
        kind = 'kept' if self.is_kept else 'new'
        return f'{self.target} on a {kind} connection, {len(self.received)} bytes after {time.monotonic() - self.since:.2f} s'


class Crowd:
    """`with Crowd(port, {target: body}, size) as crowd`: each of `size` clients asks for one of the targets again and
    again. Half of them use the connections that the server keeps for them, unless `keeps` is false."""

    def __init__(self, port, bodies, size, keeps=True):
        self.address = ('127.0.0.1', port)
        self.bodies = bodies
        self.targets = list(bodies)
        self.running = 0     # clients whose response has begun and not ended
        self.answered = {target: 0 for target in bodies}
        self.reused = 0      # answers on connections that had an answer before
        self.failures = []
        self._selector = selectors.DefaultSelector()
        self._visitors = [_Visitor(number, keeps and number // len(bodies) % 2 == 0) for number in range(size)]
        self._open = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        """Lets every request end."""
        self._stopping.set()
        self._thread.join(4 * DEADLINE)
        assert not self._thread.is_alive(), 'clients still wait for their answers'
        self._selector.close()

    def wait_running(self, count):
        """Until so many responses are under way."""
        wait_for(lambda: self.running >= count, lambda: f'{count} running requests, {self.running} are', 3 * DEADLINE)

    def _run(self):
        waiting = list(reversed(self._visitors))
        while waiting or self._open:
            for _ in range(min(20, len(waiting))):  # not all at once: a queue of connections has an end
                self._begin(waiting.pop())
            for key, _ in self._selector.select(0.01 if waiting else 0.2):
                self._step(key.data)
            overdue = time.monotonic() - 2 * DEADLINE
            for visitor in [v for v in self._visitors if v.socket and v.since < overdue]:
                self._fail(visitor, 'no answer')

    def _begin(self, visitor):
        if self._stopping.is_set():
            return
        visitor.socket = socket.socket()
        visitor.socket.setblocking(False)
        visitor.is_kept = False
        visitor.target = self.targets[visitor.number % len(self.targets)]
        visitor.since = time.monotonic()
        self._open += 1
        with contextlib.suppress(BlockingIOError):
            visitor.socket.connect(self.address)
        self._selector.register(visitor.socket, selectors.EVENT_WRITE, visitor)

    def _step(self, visitor):
        try:
            if visitor.target is not None and self._selector.get_key(visitor.socket).events & selectors.EVENT_WRITE:
                self._ask(visitor)
            else:
                self._listen(visitor)
        except (OSError, ValueError) as problem:
            self._fail(visitor, problem)

    def _ask(self, visitor):
        connection = 'keep-alive' if visitor.keeps else 'close'
        visitor.received.clear()
        visitor.head_size = 0
        visitor.since = time.monotonic()
        visitor.socket.send(f'GET {visitor.target} HTTP/1.1\r\nHost: a\r\nConnection: {connection}\r\n\r\n'.encode())
        self._selector.modify(visitor.socket, selectors.EVENT_READ, visitor)

    def _listen(self, visitor):
        data = visitor.socket.recv(65536)
        if not data:
            raise ValueError('the connection has ended')
        visitor.received += data
        if not visitor.head_size:
            self._read_head(visitor)
        if visitor.head_size and len(visitor.received) >= visitor.head_size + visitor.body_size:
            self._finish(visitor)

    def _read_head(self, visitor):
        end = visitor.received.find(b'\r\n\r\n')
        if end < 0:
            return
        head = bytes(visitor.received[:end]).decode()
        if not head.startswith('HTTP/1.1 200 '):
            raise ValueError(head.partition('\r\n')[0])
        fields = dict(line.lower().split(': ', 1) for line in head.split('\r\n')[1:])
        visitor.body_size = int(fields['content-length'])
        visitor.may_keep = visitor.keeps and fields['connection'] == 'keep-alive'
        visitor.head_size = end + 4
        self.running += 1

    def _finish(self, visitor):
        if visitor.received[visitor.head_size:] != self.bodies[visitor.target]:
            raise ValueError('another body')
        self.running -= 1
        visitor.head_size = 0
        self.answered[visitor.target] += 1
        self.reused += visitor.is_kept
        if visitor.may_keep and not self._stopping.is_set():
            visitor.is_kept = True
            return self._ask(visitor)
        self._leave(visitor)
        return self._begin(visitor)

    def _leave(self, visitor):
        self._selector.unregister(visitor.socket)
        visitor.socket.close()
        visitor.socket = None
        self._open -= 1

    def _fail(self, visitor, problem):
        self.failures.append(f'{problem!r}: {visitor}')
        self.running -= visitor.head_size > 0
        visitor.head_size = 0
        self._leave(visitor)
        self._begin(visitor)
