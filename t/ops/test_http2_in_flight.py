"""HTTP/2 streams in flight, up and down, over reloads and upgrades of the binary: none fails, and every byte is right."""
import random

import pytest

from lib import processes
from lib.daemon import reload_workers, upgrade_binary
from lib.h2_traffic import Http2Traffic
from lib.messages import reply
from lib.wait import wait_for

pytestmark = pytest.mark.sluice_only('nginx 1.22 names a last stream although others may be on their way')

BODIES = {f'/{name}': random.Random(name).randbytes(size) for name, size in (('slow', 24_000), ('fast', 70_000))}


@pytest.fixture
def busy_server(daemon, conf, upstream):
    up = upstream(lambda request: reply(request.body))
    return daemon(conf(http='proxy_temp_path temp/proxy; client_body_temp_path temp/body;', server='''
        http2 on;
        root html;
        location = /slow { limit_rate 60k; }
        location = /echo { proxy_pass http://127.0.0.1:%%up%%; }'''),
                  files={f'html{target}': body for target, body in BODIES.items()}, ports={'up': up.port})


def test_no_stream_fails_over_reloads_and_upgrades(busy_server):
    s = busy_server
    with Http2Traffic(s.port(), BODIES, '/echo') as traffic:
        for turn in range(6):
            answered = traffic.answered
            wait_for(lambda: traffic.answered > answered + 30, lambda: f'answers, there are {traffic.answered}: {traffic.failures[:3]}', 20)
            if turn % 3 == 2:
                upgrade_binary(s)
            else:
                reload_workers(s)
    assert traffic.failures == []
    assert traffic.goaways >= 6, 'connections that were told to end'
    wait_for(lambda: len(processes.children(s.process.pid)) == 2, 'the end of the old workers', 20)
    s.follow(s.process)
