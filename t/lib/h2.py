"""A client of HTTP/2 that sends exactly the frames it is told to, right or wrong, and sees what comes back."""
import contextlib
import socket
import struct

import hpack

from .wait import DEADLINE

PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
PRIORITY_UPDATE = 0x10
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 1, 1, 4, 8, 32
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR,
 REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM) = range(12)
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = range(1, 7)
ENABLE_CONNECT_PROTOCOL = 8


def frame(kind, flags, stream, payload=b''):
    return struct.pack('>I', len(payload))[1:] + bytes([kind, flags]) + struct.pack('>I', stream) + payload


def settings(values, flags=0):
    return frame(SETTINGS, flags, 0, b''.join(struct.pack('>HI', *pair) for pair in values.items()))


def window_update(stream, size):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack('>I', size))


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack('>I', code))


class Response:
    """What has come of one stream so far."""

    def __init__(self):
        self.interim = []      # lists of fields
        self.fields = None     # pairs
        self.body = b''
        self.trailers = None
        self.ended = False
        self.reset = None      # an error code

    @property
    def status(self):
        return int(self[':status'])

    @property
    def text(self):
        return self.body.decode()

    def __getitem__(self, name):
        return dict(self.fields)[name]

    def __contains__(self, name):
        return name in dict(self.fields or [])


class Peer:
    """A connection. `window`: how much of each body it takes without being asked; acknowledges what is to be acknowledged."""

    def __init__(self, address, values=None, preface=True, wrap=None, source_buffer=None):
        self.socket = socket.socket(socket.AF_INET)
        if source_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, source_buffer)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(address)
        if wrap:
            self.socket = wrap(self.socket)
        else:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 20
        self.streams, self.frames = {}, []
        self.settings, self.goaways, self.pongs = None, [], []
        self.windows = {}      # what the server's WINDOW_UPDATEs add, by stream
        self.is_closed = False
        self.acknowledges, self.opens_windows = True, True
        self._buffer, self._block, self._next = b'', None, 1
        if preface:
            self.send(PREFACE + settings(values or {}))

    # Sending

    def send(self, data):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)
        return self

    def new_stream(self):
        self._next += 2
        return self._next - 2

    def block(self, fields):
        return self.encoder.encode(list(fields))

    def headers(self, stream, fields, end=True, flags=0):
        block = self.block(fields)
        pieces = [block[at:at + 16384] for at in range(0, len(block), 16384)] or [b'']
        flags |= END_STREAM if end else 0
        data = frame(HEADERS, flags | (END_HEADERS if len(pieces) == 1 else 0), stream, pieces[0])
        for piece in pieces[1:]:
            data += frame(CONTINUATION, END_HEADERS if piece is pieces[-1] else 0, stream, piece)
        return self.send(data)

    def data(self, stream, payload, end=False):
        return self.send(frame(DATA, END_STREAM if end else 0, stream, payload))

    def ask(self, path='/', method='GET', fields=(), end=True, authority='localhost', pseudo=()):
        """Sends a request's head and returns the stream."""
        stream = self.new_stream()
        head = [(':method', method), (':scheme', 'http'), (':path', path), (':authority', authority), *pseudo, *fields]
        self.headers(stream, head, end)
        return stream

    def get(self, path='/', fields=(), **options):
        return self.response(self.ask(path, fields=fields, **options))

    def post(self, path, body, fields=()):
        """A request with a body, as the windows allow."""
        stream = self.ask(path, 'POST', fields, end=False)
        self.upload(stream, body)
        return self.response(stream)

    def upload(self, stream, body, end=True):
        self.until(lambda: self.settings is not None, 'SETTINGS')
        sent = 0
        while sent < len(body):
            def room():
                own = self.settings.get(INITIAL_WINDOW_SIZE, 65535) + self.windows.get(stream, 0)
                return min(own - sent, 65535 + self.windows.get(0, 0) - self.uploaded, 16384)
            self.until(lambda: room() > 0 or self.stream(stream).reset is not None or self.stream(stream).ended, 'a window')
            if self.stream(stream).reset is not None or self.stream(stream).ended:
                return
            piece = body[sent:sent + room()]
            sent += len(piece)
            self.uploaded += len(piece)
            self.data(stream, piece, end and sent == len(body))
        if end and not body:
            self.data(stream, b'', True)

    uploaded = 0

    # Receiving

    def stream(self, stream):
        return self.streams.setdefault(stream, Response())

    def until(self, condition, what):
        """Reads frames until the condition is true; fails when the server closes or nothing comes."""
        while not condition():
            assert self._read(), f'closed while waiting for {what}: {self.frames[-5:]}'

    def response(self, stream):
        """The whole response, or what there is of it when it is reset."""
        answer = self.stream(stream)
        self.until(lambda: answer.ended or answer.reset is not None, f'a response on {stream}')
        return answer

    def responses(self, streams):
        return [self.response(stream) for stream in streams]

    def reset_code(self, stream):
        answer = self.stream(stream)
        self.until(lambda: answer.reset is not None, f'a reset of {stream}')
        return answer.reset

    def goaway(self):
        """The error code of the GOAWAY that ends the connection; the server closes then."""
        while self._read():
            pass
        assert self.goaways, f'closed without GOAWAY: {self.frames[-5:]}'
        return self.goaways[-1][1]

    def ping(self, data=b'12345678'):
        """A round trip: all that the server had to say before has come."""
        self.send(frame(PING, 0, 0, data))
        self.until(lambda: data in self.pongs, 'the answer to a PING')
        self.pongs.remove(data)

    def settle(self):
        """Two round trips: the answer to a PING may overtake what else the same bytes have brought about."""
        self.ping()
        self.ping()

    def send_cut(self, data, cut, mark=b'read it?'):
        """Sends data in two pieces, the second when the server has read the first."""
        self.send(frame(PING, 0, 0, mark) + data[:cut])
        self.until(lambda: mark in self.pongs, 'the answer to a PING')
        self.pongs.remove(mark)
        return self.send(data[cut:])

    def rest(self):
        while self._read():
            pass

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self):
        """One frame; false at the end."""
        while len(self._buffer) < 9 or len(self._buffer) < 9 + int.from_bytes(self._buffer[:3], 'big'):
            try:
                data = self.socket.recv(262144)
            except ConnectionResetError:
                data = b''
            if not data:
                self.is_closed = True
                return False
            self._buffer += data
        size = int.from_bytes(self._buffer[:3], 'big')
        kind, flags = self._buffer[3], self._buffer[4]
        stream = int.from_bytes(self._buffer[5:9], 'big')
        payload, self._buffer = self._buffer[9:9 + size], self._buffer[9 + size:]
        self.frames.append((kind, flags, stream, size))
        self._take(kind, flags, stream, payload)
        return True

    def _take(self, kind, flags, stream, payload):
        if kind == DATA:
            self.stream(stream).body += payload
            self.stream(stream).ended |= bool(flags & END_STREAM)
            if payload and self.opens_windows:
                self.send(window_update(0, len(payload)) + (b'' if flags & END_STREAM else window_update(stream, len(payload))))
        elif kind in (HEADERS, CONTINUATION):
            self._block = (self._block[0], self._block[1] + payload) if kind == CONTINUATION else (flags, payload)
            if flags & END_HEADERS:
                self._take_fields(stream, self.decoder.decode(self._block[1]), bool(self._block[0] & END_STREAM))
        elif kind == RST_STREAM:
            self.stream(stream).reset = int.from_bytes(payload, 'big')
        elif kind == SETTINGS and not flags & ACK:
            self.settings = dict(struct.iter_unpack('>HI', payload))
            if self.acknowledges:
                self.send(frame(SETTINGS, ACK, 0))
        elif kind == PING:
            if flags & ACK:
                self.pongs.append(payload)
            elif self.acknowledges:
                self.send(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            self.goaways.append(struct.unpack('>II', payload[:8]))
        elif kind == WINDOW_UPDATE:
            self.windows[stream] = self.windows.get(stream, 0) + int.from_bytes(payload, 'big')

    def _take_fields(self, stream, fields, is_end):
        answer = self.stream(stream)
        if answer.fields is not None:
            answer.trailers = fields
        elif dict(fields)[':status'].startswith('1'):
            answer.interim.append(fields)
        else:
            answer.fields = fields
        answer.ended |= is_end
