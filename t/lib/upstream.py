"""Scripted servers behind the proxy: real sockets in threads, which say exactly what the test scripted."""
import contextlib
import socket
import ssl
import struct
import threading

from .messages import Reader, to_bytes
from .ports import free_port
from .wait import DEADLINE, wait_for


class Peer:
    """One connection that the server under test opened to the upstream."""

    def __init__(self, sock):
        self.socket = sock
        self.socket.settimeout(DEADLINE)
        self.reader = Reader(self._more)

    def secure(self, context):
        """From now on TLS."""
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def _more(self):
        try:
            return self.socket.recv(65536)
        except (ConnectionResetError, ssl.SSLError):
            return b''

    def request(self, with_body=True):
        """The next request, None at the end of the connection."""
        return self.reader.request(with_body)

    def send(self, data):
        self.socket.sendall(to_bytes(data))
        return self

    def finish_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()

    def say_goodbye(self):
        """close_notify, and the end of the stream. What still comes is read first."""
        with contextlib.suppress(OSError, ValueError):
            self.socket.unwrap().close()

    def wait_closed(self):
        """Waits until the server under test closes; returns what it sent before."""
        return self.reader.rest()


class Upstream:
    """Listens on a port or a unix path; each connection runs `script(peer, upstream)` in its thread.

    `tls`: an ssl.SSLContext; scripts run behind the handshake, and those that just end say goodbye properly.
    """

    def __init__(self, script, port=None, path=None, tls=None):
        self.requests = []       # every request that an answering upstream has read
        self.connections = 0     # accepted so far
        self.open = 0            # accepted and not yet at the end of its script
        self.errors = []
        self.handshake_errors = []
        self.tls = tls
        self._script = script
        self._peers = []
        self._lock = threading.Lock()
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port = self._bind(port, path)
        self.socket.listen(64)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _bind(self, port, path):
        if path:
            self.socket.bind(str(path))
            return None
        while True:
            wanted = port or free_port()
            try:
                self.socket.bind(('127.0.0.1', wanted))
                return wanted
            except OSError:
                if port:
                    raise

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.socket.accept()
                peer = Peer(sock)
                with self._lock:
                    if self._closing:  # close() has seen all peers that there were
                        sock.close()
                        return
                    self.connections += 1
                    self.open += 1
                    self._peers.append(peer)
                threading.Thread(target=self._run, args=(peer,), daemon=True).start()

    def _run(self, peer):
        try:
            if not self.tls or self._shakes_hands(peer):
                self._script(peer, self)
                if self.tls:
                    peer.say_goodbye()
        except (BrokenPipeError, ConnectionResetError):
            pass
        except Exception as error:  # reported by the fixture: a thread has nobody else to tell
            if not self._closing:
                self.errors.append(error)
        finally:
            peer.socket.close()
            with self._lock:
                self.open -= 1

    def _shakes_hands(self, peer):
        try:
            peer.secure(self.tls)
            return True
        except OSError as error:
            self.handshake_errors.append(error)
            return False

    _closing = False

    def close(self):
        """Stops listening, and drops what is open."""
        with self._lock:
            self._closing = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for peer in self._peers:
            with contextlib.suppress(OSError):
                peer.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(DEADLINE)
        wait_for(lambda: self.open == 0, 'end of the upstream threads')

    @property
    def last(self):
        """The last request it has read."""
        return self.requests[-1]


def answering(answer):
    """A script that answers every request on a connection: with these bytes, or what answer(request) returns.

    An answer of None closes the connection instead.
    """
    def script(peer, upstream):
        while (request := peer.request()) is not None:
            upstream.requests.append(request)
            data = answer(request) if callable(answer) else answer
            if data is None:
                return
            peer.send(data)
            if _says_close(data):
                return
    return script


def _says_close(data):
    head = to_bytes(data).partition(b'\r\n\r\n')[0].lower()
    return b'connection: close' in head


class Held:
    """A gate for scripts: they wait in pass_() until the test opens it."""

    def __init__(self):
        self._event = threading.Event()

    def open(self):
        self._event.set()

    def pass_(self):
        assert self._event.wait(DEADLINE), 'the gate stayed shut'
