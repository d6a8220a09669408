"""Which server the tests run: ours, or real nginx, which is the specification."""
import functools
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
NGINX = os.environ.get('NGINX', '/usr/sbin/nginx')


def path():
    """SERVER, else sluice in BUILDDIR (default build/)."""
    return os.environ.get('SERVER') or str(ROOT / os.environ.get('BUILDDIR', 'build') / 'sluice')


@functools.cache
def version_text(binary):
    return subprocess.run([binary, '-V'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout


@functools.cache
def is_nginx(binary):
    return version_text(binary).startswith('nginx version: nginx/')


def backend():
    """The event method that SLUICE_BACKEND asks for; None leaves the choice to the server."""
    return os.environ.get('SLUICE_BACKEND')
