"""Ports nobody listens on, from below the range that the kernel gives to clients."""
import random
import socket

_random = random.SystemRandom()
_given = set()


def free_port():
    """A port that was free a moment ago and was not handed out before. Whoever binds it may still meet another process."""
    while True:
        port = _random.randrange(10000, 32000)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(('127.0.0.1', port))
            except OSError:
                continue
        _given.add(port)
        return port
