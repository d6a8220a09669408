"""Fixtures of the tests of processes: a daemon, and complete configurations that need no module."""
import pytest

from lib.daemon import Daemon


@pytest.fixture
def daemon():
    """daemon(conf) starts one for this test."""
    started = []

    def start(conf, **options):
        started.append(Daemon(conf, **options))
        return started[-1].start()
    yield start
    for instance in started:
        try:
            instance.audit()
            instance.quit()
        finally:
            instance.kill()
            instance.remove()


@pytest.fixture
def conf():
    """conf(main, events, http, server): a configuration; every request is answered with 404."""
    def make(main='', events='', http='', server=''):
        workers = '' if 'worker_processes' in main else 'worker_processes 2;'
        log = '' if 'error_log' in main else 'error_log logs/error.log info;'
        connections = '' if 'worker_connections' in events else 'worker_connections 128;'
        return (f'{workers}\n{log}\npid logs/server.pid;\n{main}\nevents {{ {connections} {events} }}\n'
                f'http {{\naccess_log logs/access.log;\n{http}\n'
                f'server {{ listen 127.0.0.1:%%main%%;\n{server} }}\n}}\n')
    return make
