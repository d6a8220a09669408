"""Traffic that goes on while a test reloads, replaces and breaks things."""
import functools
import threading

from .client import Connection, request


class Crew:
    """Threads that work as long as the block lasts, and remember what has failed; `jobs`: what each of them runs."""

    def __init__(self, jobs, patience=20):
        self.stopped = threading.Event()
        self.failures = []
        self._patience = patience
        self._threads = [threading.Thread(target=job) for job in jobs]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self._threads:
            thread.join(self._patience)
            assert not thread.is_alive(), 'somebody still waits for an answer'


class Traffic(Crew):
    """Clients that go on asking, on kept and on new connections, and remember every failure."""

    def __init__(self, port, clients=6, target='/none', expected=404):
        super().__init__([functools.partial(self.run, number) for number in range(clients)])
        self.port = port
        self.request = request('GET', target)
        self.expected = expected
        self.answered = 0
        self.lock = threading.Lock()

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
