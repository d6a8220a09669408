"""Fixtures of the functional tests: servers under audit, scripted upstreams, and what is shown when a test fails."""
import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from lib import binary  # noqa: E402
from lib.server import Server  # noqa: E402
from lib.upstream import Upstream, answering  # noqa: E402

_live = []  # servers that run now, for the audit and for the report of a failure


def pytest_configure(config):
    config.addinivalue_line('markers', 'soak: does one thing SOAK times (make soak), by default not often')
    config.addinivalue_line('markers', 'sluice_only(why): real nginx 1.22 fails this, for the reason given')


def _not_yet():
    """Tests, and files of tests, for what our server does not do yet, with the reason: real nginx passes them meanwhile."""
    lines = (HERE / 'not_yet.txt').read_text().splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line and not line.startswith('#'))


def pytest_collection_modifyitems(items):
    on_nginx = os.path.exists(binary.path()) and binary.is_nginx(binary.path())
    not_yet = {} if on_nginx else _not_yet()
    for item in items:
        file = str(item.path.relative_to(HERE))
        reason = not_yet.get(file) or not_yet.get(f'{file}::{item.name}')
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))
        marker = item.get_closest_marker('sluice_only')
        if marker:
            assert marker.args and marker.args[0], f'{item.nodeid}: sluice_only needs a reason'
            if on_nginx:
                item.add_marker(pytest.mark.skip(reason=f'nginx differs: {marker.args[0]}'))


def _factory():
    """A function that starts servers, and a function that ends all it has started."""
    started = []

    def server(conf, **options):
        instance = Server(conf, **options)
        started.append(instance)
        _live.append(instance)
        return instance.start()

    def finish():
        problems = []
        while started:
            instance = started.pop()
            for step in (instance.audit, instance.quit):
                try:
                    step()
                except AssertionError as problem:
                    problems.append(str(problem))
            instance.kill()
            _live.remove(instance)
            instance.remove()
        assert not problems, '\n'.join(problems)
    return server, finish


@pytest.fixture
def server(upstreams_end_first):
    """server(conf, main='', events='', files={}, ports={}) starts one for this test."""
    start, finish = _factory()
    yield start
    try:
        upstreams_end_first()
    finally:
        finish()


@pytest.fixture(scope='module')
def module_server():
    """The same for all tests of a file that only read from it."""
    start, finish = _factory()
    yield start
    finish()


@pytest.fixture
def _upstreams():
    return []


@pytest.fixture
def upstreams_end_first(_upstreams):
    """Ends the test's upstreams, so that a pool of connections to them is no leak."""
    def end():
        errors = []
        while _upstreams:
            instance = _upstreams.pop()
            instance.close()
            errors += instance.errors
        assert not errors, f'in an upstream: {errors!r}'
    yield end
    end()


@pytest.fixture
def upstream(_upstreams, upstreams_end_first):
    """upstream(answer) is one that answers every request with these bytes, or with answer(request)."""
    def start(answer, **options):
        _upstreams.append(Upstream(answering(answer), **options))
        return _upstreams[-1]
    return start


@pytest.fixture
def scripted(_upstreams, upstreams_end_first):
    """scripted(script) runs script(peer, upstream) for each connection."""
    def start(script, **options):
        _upstreams.append(Upstream(script, **options))
        return _upstreams[-1]
    return start


@pytest.fixture(autouse=True)
def audit():
    """After every test, each server that goes on running for the next ones is examined too."""
    yield
    for instance in list(_live):
        instance.audit()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for instance in _live:
            report.sections.append(('conf/nginx.conf', instance.read('conf/nginx.conf')))
            report.sections.append(('logs/error.log', instance.log()[-4000:]))
