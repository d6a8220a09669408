"""Reloads and upgrades of the binary under gRPC calls: none fails, and those that are open go on."""
import functools
import queue
import signal

import pytest

from lib import grpc_calls, processes
from lib.daemon import reload_workers, wait_end
from lib.traffic import Crew
from lib.wait import DEADLINE, wait_for

pytestmark = pytest.mark.sluice_only('it ends HTTP/2 connections under clients that are just sending')
UPSTREAM = 'upstream backend { server 127.0.0.1:%%up%%; keepalive 4; }'
SERVER = 'http2 on; location /echo.Echo/ { grpc_pass grpc://backend; }'
COMMON = dict(timeout=3 * DEADLINE)


class Callers(Crew):
    """`with Callers(port) as callers`: several clients make one call after the other, and remember failures."""

    def __init__(self, port, number=3):
        self.port = port
        self.answered = [0] * number
        super().__init__([functools.partial(self.run, i) for i in range(number)])

    def run(self, which):
        with grpc_calls.client(self.port) as client:
            while not self.stopped.wait(0.002):
                text = b'%d' % self.answered[which]
                try:
                    assert client.unary(text, **COMMON) == b'echo:' + text
                except Exception as problem:  # every failure counts, whatever it is
                    self.failures.append(repr(problem))
                self.answered[which] += 1

    def wait_for_more(self, count=20):
        goal = [done + count for done in self.answered]
        wait_for(lambda: self.failures or all(done >= wanted for done, wanted in zip(self.answered, goal)), lambda: f'{goal}: {self.answered}')


class Chat:
    """A call that stays open, and is answered word by word."""

    def __init__(self, client):
        self.words = queue.Queue()
        self.answers = client.chat(iter(self.words.get, None), **COMMON)

    def say(self, word):
        self.words.put(word)
        assert next(self.answers) == word.upper()

    def end(self):
        self.words.put(None)
        assert list(self.answers) == []


def test_calls_over_reloads_and_an_upgrade(daemon, conf):
    with grpc_calls.serving(None) as (_, port):
        s = daemon(conf(http=UPSTREAM, server=SERVER), ports={'up': port})
        with grpc_calls.client(s.port()) as client, Callers(s.port()) as callers:
            chat = Chat(client)
            chat.say(b'before')
            for i in range(4):
                callers.wait_for_more()
                reload_workers(s)
                chat.say(b'reload %d' % i)
            old, new = s.upgrade()
            old.send_signal(signal.SIGQUIT)
            callers.wait_for_more()
            chat.say(b'from worker to worker')
            assert processes.alive(old.pid)
            chat.end()
            wait_end(s, old)
            s.follow(new)
            callers.wait_for_more()
        assert callers.failures == []
