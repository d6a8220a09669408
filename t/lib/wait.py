"""Waiting for a condition with a deadline: the only way in which tests let time pass."""
import contextlib
import select
import time

DEADLINE = 10.0  # seconds; generous for a loaded machine, and no test waits that long unless it fails


def wait_for(condition, what='the condition', deadline=DEADLINE):
    """Calls condition until it is true and returns what it returned; fails at the deadline."""
    end = time.monotonic() + deadline
    pause = 0.001
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f'{what() if callable(what) else what}: not within {deadline} s')
        select.select([], [], [], pause)
        pause = min(pause * 2, 0.01)


@contextlib.contextmanager
def takes(least, most):
    """Asserts that the block takes between `least` and `most` seconds. A server's clock counts whole milliseconds and is read
    once a turn, so that each timer may fire one early: `least` leaves room for it."""
    start = time.monotonic()
    yield
    spent = time.monotonic() - start
    assert least <= spent <= most, f'took {spent:.3f} s, expected {least} to {most} s'


def assert_pace(sock, size, rate):
    """Reads an answer of `size` bytes, two seconds' worth, to its end: never more than the rate allows, and not at half of it."""
    start = time.monotonic()
    seen = 0
    while piece := sock.recv(65536):
        seen += len(piece)
        took = time.monotonic() - start
        assert seen <= rate * (took + 1) + 1000, f'{seen} bytes after {took:.2f} s'
    assert size < seen and 0.9 < took < 3.9
