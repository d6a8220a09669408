"""clang-format over the C++ files. What was found well formatted once is remembered by its hash."""
import concurrent.futures
import hashlib
import re
import shutil
import subprocess

VERSION = 14  # other versions lay the same style out otherwise


def formatter_version():
    """clang-format's major version, or None where there is none."""
    if shutil.which('clang-format') is None:
        return None
    said = subprocess.run(['clang-format', '--version'], capture_output=True, text=True, check=False).stdout
    match = re.search(r'version (\d+)', said)
    return int(match.group(1)) if match else None


def unavailable():
    """Why nothing can be checked, or None."""
    version = formatter_version()
    if version is None:
        return 'clang-format is not installed'
    return None if version == VERSION else f'clang-format is version {version}, the rules are for {VERSION}'


def first_difference(root, path):
    """(path, line, message) where clang-format would change the file, or None."""
    done = subprocess.run(['clang-format', '--style=file', '--dry-run', '-Werror', path], cwd=root,
                          capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    match = re.search(r':(\d+):\d+: error', done.stderr)
    return path, int(match.group(1)) if match else 1, 'not formatted (make format)'


def check(files, root, cache_file):
    """Every problem as (path, line, message)."""
    style = (root / '.clang-format').read_text() if (root / '.clang-format').exists() else ''
    known = set(cache_file.read_text().split()) if cache_file.exists() else set()
    digests = {path: hashlib.sha1((style + text).encode()).hexdigest() for path, text in files}
    unknown = [path for path, digest in digests.items() if digest not in known]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda path: first_difference(root, path), unknown))
    bad = {result[0] for result in results if result}
    cache_file.parent.mkdir(parents=True, exist_ok=True)
    cache_file.write_text('\n'.join(sorted(d for path, d in digests.items() if path not in bad)))
    return [result for result in results if result]
