"""HTTP/2 clients that go on while a test reloads and replaces servers: each has streams of all kinds in flight, honours GOAWAY,
asks again only where that says that a request was not looked at, and remembers every other failure."""
import functools
import random
import socket
import threading

from . import h2
from .h2 import Peer
from .traffic import Crew

AT_ONCE = 8


class Http2Traffic(Crew):
    """`bodies`: what each target answers to GET; what is sent to `echo` comes back."""

    def __init__(self, port, bodies, echo, clients=4):
        self.address = ('127.0.0.1', port)
        self.bodies, self.echo = bodies, echo
        self.answered = self.refused = self.goaways = 0
        self._lock = threading.Lock()
        super().__init__([functools.partial(self._run, number) for number in range(clients)], patience=30)

    def _run(self, number):
        dice = random.Random(number)
        while not self.stopped.is_set():
            try:
                self._one_connection(dice)
            except Exception as problem:  # every failure counts, whatever it is
                with self._lock:
                    self.failures.append(repr(problem))

    def _one_connection(self, dice):
        with Peer(self.address) as peer:
            while not self.stopped.is_set() and not peer.goaways:
                self._one_round(peer, dice)
            with self._lock:
                self.goaways += bool(peer.goaways)

    def _one_round(self, peer, dice):
        wanted = {}
        try:
            for _ in range(AT_ONCE):
                if dice.random() < 0.5:
                    target = dice.choice(list(self.bodies))
                    wanted[peer.ask(target)] = self.bodies[target]
                    continue
                body = dice.randbytes(dice.randrange(30_000))
                stream = peer.ask(self.echo, 'POST', end=False)
                wanted[stream] = body
                peer.upload(stream, body)
            peer.responses(wanted)
        except (AssertionError, socket.timeout) as problem:
            # The server has closed: what it named as its last stream must have been answered.
            if not peer.goaways:
                raise
            self._note(peer, wanted, repr(problem))
        else:
            self._note(peer, wanted, 'all have ended')

    def _note(self, peer, wanted, how):
        last = min((last for last, _ in peer.goaways), default=1 << 31)
        with self._lock:
            for stream, body in wanted.items():
                answer = peer.stream(stream)
                if answer.fields is None and (stream > last or answer.reset == h2.REFUSED_STREAM):
                    self.refused += 1
                elif answer.ended and answer.status == 200 and answer.body == body:
                    self.answered += 1
                else:
                    self.failures.append(f'stream {stream} of {peer.goaways} ({how}): ended {answer.ended}, reset {answer.reset}, '
                                         f'{len(answer.body)} of {len(body)} bytes, {answer.fields}')
