"""Upstreams that speak HTTP/2 frame by frame, right or wrong: scripts for the fixture `scripted`."""
import contextlib

import hpack

from . import h2
from .h2 import Peer
from .wait import DEADLINE


class Request:
    def __init__(self, stream):
        self.stream, self.fields, self.trailers = stream, None, None
        self.body, self.ended, self.reset = b'', False, None

    def __getitem__(self, name):
        return dict(self.fields)[name]

    def __contains__(self, name):
        return name in dict(self.fields)


class Served(Peer):
    """A connection as the upstream sees it."""

    def __init__(self, peer, values=None, greets=True):
        self.socket = peer.socket
        self.socket.settimeout(DEADLINE)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.streams, self.frames = {}, []
        self.settings, self.goaways, self.pongs, self.windows = None, [], [], {}
        self.is_closed, self.acknowledges, self.opens_windows = False, True, True
        self._buffer, self._block = b'', None
        self._answered = set()
        preface = b''
        while len(preface) < len(h2.PREFACE):
            piece = self.socket.recv(len(h2.PREFACE) - len(preface))
            if not piece:
                self.is_closed = True
                break
            preface += piece
        assert self.is_closed or preface == h2.PREFACE, preface
        if greets and not self.is_closed:
            self.send(h2.settings(values or {}))

    def stream(self, stream):
        return self.streams.setdefault(stream, Request(stream))

    def request(self, whole=True):
        """The next request, None when the connection ends before it. `whole`: with its body."""
        def waiting():
            return next((r for r in self.streams.values() if r.fields and r.stream not in self._answered and (r.ended or not whole)), None)
        while (found := waiting()) is None:
            if not self._read():
                return None
        self._answered.add(found.stream)
        return found

    def answer(self, request, body=b'', status=200, fields=(), trailers=None):
        self.headers(request.stream, [(':status', str(status)), *fields], end=not body and trailers is None)
        if body:
            self.upload_answer(request.stream, body, trailers is None)
        if trailers is not None:
            self.headers(request.stream, trailers)
        return self

    def upload_answer(self, stream, body, end):
        """A body as the windows allow."""
        self.until(lambda: self.settings is not None, 'SETTINGS')
        at = 0
        while at < len(body):
            def room():
                own = self.settings.get(h2.INITIAL_WINDOW_SIZE, 65535) + self.windows.get(stream, 0)
                return min(own - at, 65535 + self.windows.get(0, 0) - self.uploaded, 16384)
            self.until(lambda: room() > 0 or self.stream(stream).reset is not None, 'a window')
            if self.stream(stream).reset is not None:
                return
            piece = body[at:at + room()]
            at += len(piece)
            self.uploaded += len(piece)
            self.data(stream, piece, end and at == len(body))

    def finish(self):
        """The end of the connection, with nothing unread, which would destroy what is on its way."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(1)
        self.rest()

    def _take_fields(self, stream, fields, is_end):
        request = self.stream(stream)
        if request.fields is None:
            request.fields = fields
        else:
            request.trailers = fields
        request.ended |= is_end


def answering(*arguments, **options):
    """A script that answers all requests of a connection the same way; `values`: its SETTINGS."""
    values = options.pop('values', None)

    def script(peer, upstream):
        served = Served(peer, values)
        while (request := served.request()) is not None:
            upstream.requests.append(request)
            served.answer(request, *arguments, **options)
    return script


def misbehaving(act):
    """act(served, request) for each request; the connection ends when it returns False."""
    def script(peer, upstream):
        served = Served(peer)
        while (request := served.request(whole=False)) is not None:
            upstream.requests.append(request)
            if act(served, request) is False:
                served.finish()
                return
    return script
