"""Fixtures of the tests of an install."""
import pytest
from staging import Stage, make


@pytest.fixture(scope='session')
def stage(tmp_path_factory):
    """The tree as `make install DESTDIR=...` leaves it; tests that change it take a copy."""
    destdir = tmp_path_factory.mktemp('stage')
    make('install', f'DESTDIR={destdir}')
    return Stage(destdir)
