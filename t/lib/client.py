"""HTTP clients that send exactly the bytes they are told to, and see exactly the bytes that come back."""
import contextlib
import select
import socket
import struct

from .messages import Malformed, Reader, field_lines, to_bytes
from .wait import DEADLINE


class Connection:
    """A client's connection. Every wait has a deadline."""

    def __init__(self, address, receive_buffer=None, source=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ':' in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(address)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader(self._more)
        self.port = self.socket.getsockname()[1] if family != socket.AF_UNIX else None

    def _more(self):
        try:
            return self.socket.recv(65536)
        except ConnectionResetError:
            return b''
        except socket.timeout:
            raise Malformed(f'nothing came for {DEADLINE} s; before: {self.reader.buffer[-300:]!r}') from None

    def send(self, data):
        """All of it; a server that has already closed is not an error, its answer tells."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(to_bytes(data))
        return self

    def request(self, method, target, headers=(), body=None, host='localhost'):
        """Sends a request (with a Content-Length if there is a body) and waits for the response."""
        self.send(request(method, target, headers, body, host))
        return self.response(method)

    def get(self, target, headers=(), host='localhost'):
        return self.request('GET', target, headers, host=host)

    def response(self, method='GET'):
        return self.reader.response(method)

    def responses(self, count):
        return [self.response() for _ in range(count)]

    def rest(self):
        """Whatever comes until the server closes."""
        return self.reader.rest()

    def is_closed(self):
        """Whether the server closes without another byte; waits for it."""
        rest = self.rest()
        assert rest == b'', f'more bytes before the end: {rest[:300]!r}'
        return True

    def is_open(self):
        """Whether the server has neither closed nor sent anything up to now."""
        if self.reader.buffer or self.reader.ended:
            return False
        readable, _, _ = select.select([self.socket], [], [], 0)
        return not readable

    def wait_readable(self, deadline=DEADLINE):
        """Waits for a byte or the end."""
        assert self.reader.buffer or select.select([self.socket], [], [], deadline)[0], f'nothing came for {deadline} s'

    def finish_sending(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def reset(self):
        """Closes with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def request(method, target, headers=(), body=None, host='localhost', version='HTTP/1.1'):
    """A request as bytes."""
    head = b'%s %s %s\r\n' % (to_bytes(method), to_bytes(target), to_bytes(version))
    if host is not None:
        head += b'Host: %s\r\n' % to_bytes(host)
    if body is not None:
        body = to_bytes(body)
        head += b'Content-Length: %d\r\n' % len(body)
    return head + field_lines(headers) + b'\r\n' + (body or b'')
