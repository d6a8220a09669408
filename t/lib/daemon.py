"""A server that became a daemon: found by its pid file, followed over upgrades of its binary."""
import os
import signal
import subprocess
import time

from . import processes
from .server import Server
from .wait import wait_for


class Running:
    """What tests ask a subprocess for, of a process that is nobody's child here."""

    def __init__(self, pid):
        self.pid = pid

    def poll(self):
        return None if processes.alive(self.pid) else 0

    def wait(self, timeout=10):
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired('daemon', timeout)
            time.sleep(0.005)
        return 0

    def send_signal(self, number):
        os.kill(self.pid, number)


class Daemon(Server):
    """As Server, in the background."""

    def _launch(self, directives):
        super()._launch(directives.replace('daemon off;', ''))
        started = self.process
        code = started.wait(20)
        if code == 0:
            self.process = Running(self.pid())

    def pid(self, name='logs/server.pid'):
        """The number in the pid file."""
        return int(self.read(name))

    def upgrade(self):
        """USR2; returns the old and the new master when the new one's workers run."""
        old = self.process
        old.send_signal(signal.SIGUSR2)
        wait_for(lambda: self.read('logs/server.pid.oldbin').strip() == str(old.pid), lambda: f'the .oldbin file:\n{self.log()[-2000:]}')
        wait_for(lambda: self.read('logs/server.pid').strip() not in ('', str(old.pid)), lambda: f'the new pid file:\n{self.log()[-2000:]}')
        new = Running(self.pid())
        wait_for(lambda: workers_of(new.pid), lambda: f'workers of the new binary:\n{self.log()[-2000:]}')
        return old, new

    def follow(self, master):
        """This master is the server from now on."""
        self.process = master
        self._base = {pid: processes.descriptors(pid) for pid in self.workers()}

    def kill(self):
        for name in ('logs/server.pid', 'logs/server.pid.oldbin'):
            text = self.read(name).strip()
            if text and processes.alive(int(text)) and str(self.prefix) in processes.title(int(text)):
                self.process = Running(int(text))
                super().kill()
        self.process = None


def workers_of(master):
    """Workers of a master that do not leave, in order of their numbers."""
    return sorted(pid for pid in processes.children(master)
                  if 'worker process' in processes.title(pid) and 'shutting down' not in processes.title(pid))


def reload_workers(s, count=2):
    """HUP; comes back when there are so many new workers and the old ones are leaving."""
    before = set(workers_of(s.process.pid))
    s.signal('HUP')
    wait_for(lambda: len(workers_of(s.process.pid)) == count and not before & set(workers_of(s.process.pid)),
             lambda: f'new workers:\n{s.log()[-2000:]}')


def wait_end(s, master):
    wait_for(lambda: not processes.alive(master.pid), lambda: f'the end of the old master:\n{s.log()[-2000:]}', 30)


def upgrade_binary(s):
    """USR2, and QUIT to the old master; comes back when that one has ended."""
    old, new = s.upgrade()
    old.send_signal(signal.SIGQUIT)
    wait_end(s, old)
    s.follow(new)
