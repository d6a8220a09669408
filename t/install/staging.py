"""What the tests of an install share: make, the build's settings, and a stage."""
import dataclasses
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get('BUILDDIR', ROOT / 'build')).resolve()


def make(*arguments, cwd=ROOT, **environment):
    """Runs make outside the make that runs us; fails the test with its output."""
    clean = {k: v for k, v in os.environ.items() if k not in ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL')}
    done = subprocess.run(['make', '-s', *arguments], cwd=cwd, env={**clean, 'BUILDDIR': str(BUILD), **environment},
                          capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def config_value(name):
    """A setting that ./configure left in config.mk."""
    for line in (BUILD / 'config.mk').read_text().splitlines():
        key, _, value = line.partition(' := ')
        if key == name:
            return value
    raise KeyError(name)


@dataclasses.dataclass
class Stage:
    """An install below a temporary DESTDIR."""
    destdir: pathlib.Path

    def path(self, setting):
        """Where what config.mk calls `setting` lies in the stage."""
        return pathlib.Path(f'{self.destdir}{config_value(setting)}')

    @property
    def prefix(self):
        return self.path('PREFIX')

    @property
    def sdk_environment(self):
        return {'PKG_CONFIG_PATH': str(self.prefix / 'lib/pkgconfig')}

