"""Two servers with one configuration: ours, and real nginx as the specification."""
import email.utils
import os
import re

import pytest

from lib import binary
from lib.server import Server

TIME = 1_600_000_000


def pytest_collection_modifyitems(items):
    if not os.access(binary.NGINX, os.X_OK):
        for item in items:
            item.add_marker(pytest.mark.skip(reason=f'{binary.NGINX} is not installed'))


def same_times(server):
    """Files get one time in both prefixes, so that dates and entity tags are comparable."""
    for folder, _, names in os.walk(server.prefix / 'html', topdown=False):
        for path in [os.path.join(folder, name) for name in names] + [folder]:
            os.utime(path, (TIME, TIME))


class Pair:
    """The two, and the comparison of what they say."""

    def __init__(self, ours, theirs):
        self.servers = (ours, theirs)

    def both(self, act):
        """What act(server) gives for each, freed of what has to differ."""
        return [neutral(act(server), server) for server in self.servers]


def _relative_expiry(text):
    """Expires by its distance from Date, where that is no fixed date: a second may pass between two answers."""
    fields = dict(re.findall(r'(?m)^(Date|Expires): (.*GMT)\r$', text))
    if len(fields) < 2:
        return text
    date, expires = (email.utils.parsedate_to_datetime(fields[name]).timestamp() for name in ('Date', 'Expires'))
    if abs(expires - date) > 5 * 365 * 86400:
        return text
    return text.replace(f'Expires: {fields["Expires"]}', f'Expires: NOW{expires - date:+.0f}')


def neutral(text, server):
    """Takes out ports, the folder, the server's name and version, dates of now, and random boundaries."""
    text = text.replace(str(server.prefix), '/PREFIX')
    for name, port in server.ports.items():
        text = re.sub(rf'\b{port}\b', f'<{name}>', text)
    if 'Server: sluice\r\n' in text and ' 200 OK' not in text:  # the name in the page is a letter longer without its version
        text = re.sub(r'(?m)^Content-Length: (\d+)', lambda m: f'Content-Length: {int(m[1]) - 1}', text, count=1)
    text = re.sub(r'\b(nginx|sluice)/[\d.]+', 'SERVER', text)
    text = re.sub(r'(?m)^Server: (nginx|sluice)\b', 'Server: SERVER', text)
    text = re.sub(r'<center>(nginx|sluice)</center>', '<center>SERVER</center>', text)
    text = _relative_expiry(text)
    text = re.sub(r'(?m)^Date: .*', 'Date: NOW', text)
    return re.sub(r'\b\d{20}\b', 'BOUNDARY', text)


def start(conf, files, ports=None, server_binary=None):
    server = Server(conf, files=files, ports=ports, server_binary=server_binary)
    same_times(server)
    return server.start()


@pytest.fixture(scope='module')
def pair():
    """pair(conf, files={}, ports={}) starts both."""
    started = []

    def run(conf, files=None, ports=None):
        for server_binary in (binary.path(), binary.NGINX):
            started.append(start(conf, files, ports, server_binary))
        return Pair(*started[-2:])
    yield run
    try:
        for server in started:
            server.audit()
            server.quit()
    finally:
        for server in started:
            server.kill()
            server.remove()
