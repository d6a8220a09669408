"""HTTP/1 messages as bytes: taken apart without forgiveness, and put together for scripted peers."""
import dataclasses


class Malformed(AssertionError):
    """A peer sent what is not HTTP; a test that meets it fails."""


class BrokenOff(Malformed):
    """The peer left before its message was whole."""


class Fields(list):
    """Header fields in order, as (name, value) of str; look-up ignores case."""

    def all(self, name):
        return [value for key, value in self if key.lower() == name.lower()]

    def get(self, name, default=None):
        """The only value of the name; more than one is an error of the test or the server."""
        values = self.all(name)
        assert len(values) < 2, f'{name} stands there {len(values)} times: {values}'
        return values[0] if values else default

    def __getitem__(self, key):
        if isinstance(key, str):
            value = self.get(key)
            assert value is not None, f'no {key} among {list(self)}'
            return value
        return super().__getitem__(key)

    def __contains__(self, name):
        return bool(self.all(name)) if isinstance(name, str) else super().__contains__(name)

    def names(self):
        return [name for name, _ in self]


@dataclasses.dataclass
class Response:
    """One final response; `interim` holds the 1xx ones before it, `raw` all of its bytes."""
    status: int
    reason: str
    version: str
    headers: Fields
    body: bytes = b''
    trailers: Fields = dataclasses.field(default_factory=Fields)
    interim: list = dataclasses.field(default_factory=list)
    raw: bytes = b''

    @property
    def text(self):
        return self.body.decode()

    @property
    def location(self):
        return self.headers.get('Location')


@dataclasses.dataclass
class Request:
    """One request as an upstream saw it."""
    method: str
    target: str
    version: str
    headers: Fields
    body: bytes = b''
    trailers: Fields = dataclasses.field(default_factory=Fields)
    raw: bytes = b''


def parse_fields(lines):
    fields = Fields()
    for line in lines:
        name, colon, value = line.partition(b':')
        if not colon or not name or name != name.strip() or b'\r' in line or b'\n' in line or b'\0' in line:
            raise Malformed(f'bad header line {line!r}')
        fields.append((name.decode('latin-1'), value.strip(b' \t').decode('latin-1')))
    return fields


class Reader:
    """Takes messages from a source of bytes: `more()` gives the next ones, b'' at the end."""

    def __init__(self, more):
        self._more = more
        self.buffer = b''
        self.ended = False
        self._taken = b''

    def fill(self):
        data = b'' if self.ended else self._more()
        self.ended = self.ended or not data
        self.buffer += data
        return data

    def take(self, size):
        while len(self.buffer) < size:
            if not self.fill():
                raise BrokenOff(f'ended {size - len(self.buffer)} bytes early; read: {(self._taken + self.buffer)[-300:]!r}')
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        self._taken += data
        return data

    def line(self):
        while b'\r\n' not in self.buffer:
            if not self.fill():
                raise BrokenOff(f'ended within a line; read: {(self._taken + self.buffer)[-300:]!r}')
        return self.take(self.buffer.index(b'\r\n') + 2)[:-2]

    def rest(self):
        while self.fill():
            pass
        return self.take(len(self.buffer))

    def head(self):
        """Start line and fields."""
        start = self.line()
        lines = []
        while line := self.line():
            lines.append(line)
        return start, parse_fields(lines)

    def chunked(self):
        """Body and trailers, RFC 9112 section 7.1, read strictly."""
        body = b''
        while True:
            size = self.line()
            digits = size.partition(b';')[0]
            if not digits or digits.strip(b'0123456789abcdefABCDEF'):
                raise Malformed(f'bad chunk size {size!r}')
            if int(digits, 16) == 0:
                break
            body += self.take(int(digits, 16))
            if self.take(2) != b'\r\n':
                raise Malformed('chunk data is not followed by CRLF')
        lines = []
        while line := self.line():
            lines.append(line)
        return body, parse_fields(lines)

    def response(self, method='GET'):
        """The next final response to a request of this method, with the interim ones before it."""
        self._taken = b''
        interim = []
        while True:
            start, fields = self.head()
            words = start.split(b' ', 2)
            if len(words) != 3 or words[0] not in (b'HTTP/1.1', b'HTTP/1.0') or not words[1].isdigit():
                raise Malformed(f'bad status line {start!r}')
            reply = Response(int(words[1]), words[2].decode(), words[0].decode(), fields, interim=interim)
            if not 100 <= reply.status < 200 or reply.status == 101:
                break
            interim.append(reply)
        self._body_of(reply, method)
        reply.raw = self._taken
        return reply

    def _body_of(self, reply, method):
        length = reply.headers.get('Content-Length')
        coding = reply.headers.get('Transfer-Encoding')
        if method == 'HEAD' or reply.status in (101, 204, 304):
            return
        if coding is not None and length is not None:
            raise Malformed('both Content-Length and Transfer-Encoding')
        if coding is not None:
            if coding != 'chunked':
                raise Malformed(f'transfer coding {coding!r}')
            reply.body, reply.trailers = self.chunked()
        elif length is not None:
            reply.body = self.take(int(length))
        else:
            reply.body = self.rest()

    def request(self, with_body=True):
        """The next request, or None when the peer has closed instead."""
        self._taken = b''
        if not self.buffer and not self.fill():
            return None
        start, fields = self.head()
        words = start.decode('latin-1').split(' ')
        if len(words) != 3:
            raise Malformed(f'bad request line {start!r}')
        request = Request(*words, fields)
        if with_body and 'Transfer-Encoding' in fields:
            request.body, request.trailers = self.chunked()
        elif with_body:
            request.body = self.take(int(fields.get('Content-Length', '0')))
        request.raw = self._taken
        return request


def decode_chunked(data):
    """The body in a complete chunked message."""
    reader = Reader(lambda: b'')
    reader.buffer = data
    body, _ = reader.chunked()
    if reader.buffer:
        raise Malformed(f'bytes after the last chunk: {reader.buffer!r}')
    return body


def chunk(*parts, end=True):
    """The parts as chunks."""
    data = b''.join(b'%x\r\n%s\r\n' % (len(part), part) for part in map(to_bytes, parts))
    return data + (b'0\r\n\r\n' if end else b'')


def to_bytes(text):
    return text.encode() if isinstance(text, str) else text


def field_lines(headers):
    """Header lines of a dict or of (name, value) pairs; a value of None leaves the line out."""
    pairs = headers.items() if isinstance(headers, dict) else headers
    return b''.join(b'%s: %s\r\n' % (to_bytes(name), to_bytes(str(value) if isinstance(value, int) else value))
                    for name, value in pairs if value is not None)


def reply(body=b'', status='200 OK', headers=(), length=True):
    """A response for an upstream to send, with a Content-Length unless told otherwise."""
    body = to_bytes(body)
    size = b'Content-Length: %d\r\n' % len(body) if length else b''
    return b'HTTP/1.1 %s\r\n%s%s\r\n%s' % (to_bytes(str(status)), field_lines(headers), size, body)
