"""disable_symlinks: which links are in the way of a request, by whom they belong to and by where the path begins to be checked."""
import os
import re

import pytest

FILES = {'html/d/f': 'f', 'html/d/index.html': 'i', 'other/g': 'g', 'html/x': 'x'}
TARGETS = ['/link', '/d/f', '/folder/f', '/folder/', '/folder', '/out/g', '/dangling', '/loop', '/d/', '/d', '/d/f/', '/d/f/x', '/none/x', '/link/x']
STRICT = [403, 200, 404, 404, 403, 404, 403, 403, 200, 301, 404, 404, 404, 404]
FREE = [200, 200, 200, 200, 301, 200, 404, 403, 200, 301, 404, 404, 404, 404]
TRUSTS_LINK = [200, *STRICT[1:]]


def start(server, mode, inner=''):
    s = server(f'server {{ listen 127.0.0.1:%%main%%; disable_symlinks {mode}; {inner} }}', files=FILES)
    html = s.prefix / 'html'
    for name, target in [('link', 'd/f'), ('folder', 'd'), ('out', s.prefix / 'other'), ('dangling', 'nowhere'), ('loop', 'loop'),
                         ('../viaroot', html)]:
        os.symlink(target, html / name)
    return s


@pytest.mark.parametrize('mode, statuses', [
    ('off', FREE), ('on', STRICT), ('if_not_owner', FREE),
    ('on from=$document_root', STRICT), ('if_not_owner from=$document_root', FREE), ('on from=%%PREFIX%%/', STRICT),
    ('on from=%%PREFIX%%/ht', STRICT), ('on from=/nonsense', STRICT), ('on from=$document_root/', STRICT), ('on from=', STRICT),
    ('on from=$document_root/d', STRICT), ('on from=$document_root/link', TRUSTS_LINK), ('on from=$arg_none', STRICT),
])
def test_links(server, mode, statuses):
    s = start(server, mode)
    assert [s.get(target).status for target in TARGETS] == statuses


@pytest.mark.parametrize('mode, target, line', [
    ('on', '/link', r'openat\(\) "P/html/link" failed \(40: Too many levels of symbolic links\)'),
    ('on', '/folder/f', r'openat\(\) "P/html/folder/f" failed \(20: Not a directory\)'),
    ('on', '/folder/', r'"P/html/folder/index.html" is not found \(20: Not a directory\)'),
    ('on', '/none/x', r'openat\(\) "P/html/none/x" failed \(2: No such file or directory\)'),
    ('on from=$document_root/none', '/none/x', r'open\(\) "P/html/none/x" failed \(2: No such file or directory\)'),
    ('if_not_owner', '/dangling', r'openat\(\) "P/html/dangling" failed \(2: No such file or directory\)'),
])
def test_what_the_log_says(server, mode, target, line):
    s = start(server, mode)
    s.get(target)
    s.wait_log(line.replace('P/', re.escape(f'{s.prefix}/')))


@pytest.mark.parametrize('mode, statuses', [
    ('on', [404, 404, 404]), ('on from=%%PREFIX%%', [404, 404, 404]), ('if_not_owner', [200, 200, 200]),
    ('on from=$document_root', [200, 200, 403]),
])
def test_root_that_is_a_link(server, mode, statuses):
    s = start(server, mode, 'root %%PREFIX%%/viaroot;')
    assert [s.get(target).status for target in ('/x', '/d/f', '/link')] == statuses


@pytest.mark.skipif(os.geteuid() != 0, reason='needs root to give a link away')
@pytest.mark.parametrize('target, status', [('/mine', 403), ('/foreign/f', 403), ('/foreign/', 403), ('/foreign', 403), ('/x', 200)])
def test_links_of_others(server, target, status):
    s = start(server, 'if_not_owner')
    for name, to in (('mine', 'x'), ('foreign', 'd')):
        os.symlink(to, s.prefix / 'html' / name)
        os.lchown(s.prefix / 'html' / name, 65534, 65534)
    assert s.get(target).status == status


def test_try_files_and_index_are_checked(server):
    s = start(server, 'on', 'try_files $uri $uri/ =410; location /i/ { alias %%PREFIX%%/html/d/; index link; }')
    os.symlink('f', s.prefix / 'html/d/link')
    assert [s.get(target).status for target in ('/x', '/link', '/d/', '/folder/', '/i/')] == [200, 410, 200, 410, 403]
    s.wait_log(r'\[crit\] .* openat\(\) ".*/html/link" failed \(40')


def test_alias(server):
    s = start(server, 'on from=$document_root', 'location /a/ { alias %%PREFIX%%/html/; }')
    assert [s.get(f'/a{target}').status for target in ('/x', '/link', '/folder/f', '/d/')] == [200, 403, 404, 200]


@pytest.mark.parametrize('mode, there', [('on', 'f d'), ('off', 'link f d folder')])
def test_conditions_are_checked(server, mode, there):
    """`if` finds what a request could open."""
    tests = ''.join(f'if ({sign} $document_root/{name}) {{ set $there "$there {name}"; }}'
                    for sign, name in [('-f', 'link'), ('-f', 'd/f'), ('-d', 'd'), ('-e', 'folder'), ('-e', 'dangling'), ('-d', 'd/f')])
    s = start(server, mode, f'location / {{ set $there ""; {tests} return 200 "$there"; }}')
    assert s.get('/').text.replace('d/f', 'f').split() == there.split()
