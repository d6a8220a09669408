"""Traffic that goes on while a test reloads, replaces and breaks things."""
import threading

from .client import Connection, request


class Traffic:
    """Clients that go on asking, on kept and on new connections, and remember every failure."""

    def __init__(self, port, clients=6, target='/none', expected=404):
        self.port = port
        self.request = request('GET', target)
        self.expected = expected
        self.stopped = threading.Event()
        self.failures = []
        self.answered = 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(clients)]

    def run(self, number):
        while not self.stopped.is_set():
            try:
                self.one_connection(1 if number % 2 else 200)
            except Exception as problem:  # every failure counts, whatever it is
                with self.lock:
                    self.failures.append(repr(problem))

    def one_connection(self, most):
        with Connection(('127.0.0.1', self.port)) as connection:
            for _ in range(most):
                answer = connection.send(self.request).response()
                assert answer.status == self.expected
                with self.lock:
                    self.answered += 1
                if answer.headers.get('Connection') == 'close' or self.stopped.wait(0.005):
                    return

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join(20)
