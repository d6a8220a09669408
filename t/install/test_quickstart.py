"""mk/run: the site of conf/quickstart.conf, from a tree that only its owner can read, as after a clone in root's home."""
import os
import re
import shutil
import signal
import subprocess
import urllib.request

import pytest
from lib.ports import free_port
from lib.wait import wait_for
from staging import BUILD, ROOT


@pytest.fixture
def tree(tmp_path):
    """A copy of what the site is made of, on free ports."""
    tmp_path.chmod(0o700)
    (tmp_path / 'build').mkdir()
    (tmp_path / 'build/sluice').symlink_to(BUILD / 'sluice')
    for name in ('conf', 'html'):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / 'mk').mkdir()
    shutil.copy(ROOT / 'mk/run', tmp_path / 'mk')
    conf = tmp_path / 'conf/quickstart.conf'
    text = conf.read_text()
    for port in sorted(set(re.findall(r'127\.0\.0\.1:(\d+)', text))):
        text = text.replace(f':{port}', f':{free_port()}')
    conf.write_text(text)
    return tmp_path


def test_it_serves_its_pages_and_its_proxy(tree):
    run = subprocess.Popen(['mk/run'], cwd=tree, env={**os.environ, 'BUILDDIR': 'build'}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True)
    try:
        pid = tree / 'build/run/logs/sluice.pid'
        wait_for(lambda: run.poll() is not None or (pid.exists() and pid.read_text() == f'{run.pid}\n'), lambda: 'the start')
        address = re.search(r'^#:address *(\S+)/$', (tree / 'conf/quickstart.conf').read_text(), re.M)[1]

        def page(path):
            with urllib.request.urlopen(address + path, timeout=10) as answer:
                return answer.read().decode()
        assert 'Sluice' in page('/')
        assert {page('/proxy/')[:16] for _ in range(4)} == {'Demo server one,', 'Demo server two,'}
        assert page('/status').startswith('Active connections:')
    finally:
        run.send_signal(signal.SIGQUIT)
        out = run.communicate(timeout=10)[0]
    assert run.returncode == 0 and f'Sluice serves {address}/' in out


def test_it_depends_on_no_path_of_configure(tree):
    """Those may be for root alone: each of them stands in the configuration, and the first log is given by -e."""
    done = subprocess.run([BUILD / 'sluice', '--list-directives'], capture_output=True, text=True, timeout=30, check=True)
    names = {line.split('\t')[1] for line in done.stdout.splitlines()}
    paths = {name for name in names if name in ('pid', 'error_log', 'access_log') or name.endswith('_temp_path')}
    assert len(paths) >= 5
    assert paths <= set(re.findall(r'^\s*(\w+) ', (tree / 'conf/quickstart.conf').read_text(), re.M))
    assert ' -e logs/error.log ' in (tree / 'mk/run').read_text()
