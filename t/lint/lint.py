#!/usr/bin/python3
"""Runs the rules of this folder over the tree: lint.py [--builddir DIR]. Prints FILE:LINE: MESSAGE for each problem.

`make lint` also compiles each header alone (mk/build.mk) and runs the rules' own tests (test_lint.py).
"""
import argparse
import pathlib
import sys

import formatting
import layers
import scripts
import sizes
import words

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDERS = ('src', 'modules', 't', 'mk', 'bench', 'contrib', 'examples', 'man', 'docs', 'conf', '.ci')
TOP_FILES = ('configure', 'Makefile', 'README.md')
CODE = ('.h', '.cpp')
SKIPPED_PARTS = {'data', 'corpus', 'html', '__pycache__', '.pytest_cache'}


def read_tree(root):
    """[(path, text)] of every text file that people write."""
    paths = [root / name for name in TOP_FILES if (root / name).exists()]
    for folder in FOLDERS:
        paths += sorted(p for p in (root / folder).rglob('*') if p.is_file() and not p.is_symlink())
    files = []
    for path in paths:
        name = path.relative_to(root).as_posix()
        if SKIPPED_PARTS & set(pathlib.PurePosixPath(name).parts):
            continue
        try:
            files.append((name, path.read_text()))
        except UnicodeDecodeError:
            continue
    return files


def run(root, builddir):
    """{rule: [problem] or the reason why it was skipped}."""
    files = read_tree(root)
    code = [(path, text) for path, text in files if path.endswith(CODE)]
    written = [(path, text) for path, text in files if path.endswith(CODE + ('.py',))]
    exempt = sizes.read_exemptions((root / 't/lint/exempt.txt').read_text())
    return {
        'layers': list(layers.check(code, root)),
        'sizes': list(sizes.check(written, exempt)),
        'words': list(words.check(files)),
        'scripts': list(scripts.check(files)),
        'format': formatting.unavailable() or formatting.check(code, root, builddir / 'lint/formatted'),
    }


def main():
    """Exit status 1 if a rule found something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--builddir', type=pathlib.Path, default=ROOT / 'build')
    args = parser.parse_args()
    results = run(ROOT, args.builddir)
    failed = skipped = 0
    for rule, outcome in results.items():
        if isinstance(outcome, str):
            skipped += 1
            print(f'lint: {rule} skipped: {outcome}')
            continue
        failed += bool(outcome)
        for path, line, message in outcome:
            print(f'{path}:{line}: {message}')
    print(f'lint: {len(results) - failed - skipped} passed, {failed} failed, {skipped} skipped')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
