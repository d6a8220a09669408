"""Includes go down: core/base, then the rest of core, then event, then http, stream and cycle, then modules and cli.

http, stream and cycle do not know each other, a module sees SDK headers and its own folder only, and the folders of one
layer do not include each other in a circle.
"""
import pathlib
import re

import source

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
RANKS = {'core/base': 0, 'core': 1, 'event': 2, 'http': 3, 'stream': 3, 'cycle': 3, 'cli': 4}
ROOT_RANK = 5          # src/sdk.h: what modules see
MAIN = 'src/main.cpp'  # the composition root sees everything


def includes(text):
    """(line, is_quoted, path) of each include."""
    text = source.without_comments(text)
    return [(text.count('\n', 0, m.start(1)) + 1, m.group(1) == '"', m.group(2)) for m in INCLUDE.finditer(text)]


def folder_of(path):
    """The unit that is ranked: core/conf, event, http, or '' for a file in src itself. `path` is rooted at src."""
    parts = pathlib.PurePosixPath(path).parts
    if len(parts) == 1:
        return ''
    return '/'.join(parts[:2]) if parts[0] == 'core' and len(parts) > 2 else parts[0]


def rank_of(folder):
    """The layer's number, or None for a folder that has no place yet."""
    if folder == '':
        return ROOT_RANK
    return RANKS.get(folder, RANKS.get(folder.split('/')[0]))


def judge_edge(here, there):
    """What is wrong with an include from one folder to another, or None."""
    mine, other = rank_of(here), rank_of(there)
    if mine is None or other is None:
        return f'"{here if mine is None else there}" has no place among the layers (t/lint/layers.py)'
    if other > mine:
        return f'{here or "src"} includes upward from {there or "src"}'
    if other == mine and here != there and not here.startswith('core/'):
        return f'{here} includes sideways from {there}'
    return None


def check_source(path, text, edges):
    """Problems of a file in src; collects the edges between folders of core for the search for circles."""
    here = folder_of(path[len('src/'):])
    for line, quoted, target in includes(text):
        if not quoted:
            if target.startswith('sluice/'):
                yield line, 'src includes by its own root: "core/base/text.h", not <sluice/...>'
            continue
        if path == MAIN:
            continue
        if target == 'config.h':
            if path.endswith('.h'):
                yield line, 'a header is part of the SDK, which has no "config.h"'
            continue
        if '/' not in target and target != 'sdk.h':
            yield line, f'include "{target}" is not rooted at src'
            continue
        problem = judge_edge(here, folder_of(target))
        if problem:
            yield line, problem
        elif here != folder_of(target):
            edges.setdefault((here, folder_of(target)), (path, line))


def check_module(path, text, root):
    """Problems of a file in modules/NAME: anything but <sluice/...>, system headers, its own folder, and what ./configure wrote."""
    folder = pathlib.PurePosixPath(*pathlib.PurePosixPath(path).parts[:2])
    for line, quoted, target in includes(text):
        if not quoted or target == 'config.h':
            continue
        found = [root / pathlib.PurePosixPath(path).parent / target, root / folder / target]
        inside = (root / folder).resolve()
        if not any(f.exists() and inside in f.resolve().parents for f in found):
            yield line, f'a module includes <sluice/...> and its own folder only, not "{target}"'


def circles(edges):
    """Circles between folders, each once, told at one of their edges."""
    graph = {}
    for here, there in edges:
        graph.setdefault(here, set()).add(there)
    reported = set()
    for start in sorted(graph):
        stack = [(start, (start,))]
        while stack:
            node, trail = stack.pop()
            for step in sorted(graph.get(node, ())):
                if step == start and frozenset(trail) not in reported:
                    reported.add(frozenset(trail))
                    path, line = edges[(trail[-1], start)]
                    yield path, line, 'folders include each other in a circle: ' + ' -> '.join(trail + (start,))
                elif step not in trail:
                    stack.append((step, trail + (step,)))


def check(files, root):
    """Every problem as (path, line, message)."""
    edges = {}
    for path, text in files:
        if path.startswith('src/'):
            found = check_source(path, text, edges)
        elif path.startswith('modules/'):
            found = check_module(path, text, root)
        else:
            continue
        for line, message in found:
            yield path, line, message
    yield from circles(edges)
