"""Ports nobody listens on, from below the range that the kernel gives to clients."""
import os
import random
import socket

_random = random.SystemRandom()
_given = set()
# pytest-xdist: each process has ports of its own.
_SHARES = int(os.environ.get('PYTEST_XDIST_WORKER_COUNT', '1'))
_SHARE = int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw'))


def free_port():
    """A port that was free a moment ago and was not handed out before. Whoever binds it may still meet another process."""
    while True:
        port = _random.randrange(10000 + _SHARE, 32000, _SHARES)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(('127.0.0.1', port))
            except OSError:
                continue
        _given.add(port)
        return port
