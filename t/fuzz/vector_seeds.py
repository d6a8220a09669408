#!/usr/bin/python3
"""Turns the inputs of parser vectors into seeds for a fuzz target: vector_seeds.py TARGET FOLDER.

A seed is a vector's input behind one byte, which says how the target cuts it. Targets without vectors get none.
"""
import pathlib
import re
import sys

VECTORS = pathlib.Path(__file__).resolve().parent.parent / 'data' / 'h1'
SOURCES = {
    'h1_request_head': ['request_lines.txt', 'request_headers.txt'],
    'h1_response_head': ['responses.txt'],
    'h1_chunked': ['chunked_requests.txt', 'chunked_responses.txt', 'trailers.txt'],
}
NAMED = {'r': b'\r', 'n': b'\n', 't': b'\t', 's': b' '}
ESCAPE = re.compile(r'\\(?:x([0-9a-f]{2})|\*(\d+)\*(.*?)\*|(.))')


def unescape(text):
    """The bytes that a line of a vector stands for (t/unit/http/h1/vectors.h)."""
    out, end = b'', 0
    for match in ESCAPE.finditer(text):
        code, count, repeated, name = match.groups()
        out += text[end:match.start()].encode('latin-1')
        end = match.end()
        if code:
            out += bytes([int(code, 16)])
        elif count:
            out += unescape(repeated) * int(count)
        else:
            out += NAMED.get(name, name.encode('latin-1'))
    return out + text[end:].encode('latin-1')


def inputs(path):
    """The input of each case."""
    for case in path.read_text(encoding='ascii').split('\n\n'):
        lines = [line[2:] for line in case.splitlines() if line.startswith('<')]
        if lines:
            yield b''.join(map(unescape, lines))


def main(target, folder):
    seeds = [seed for name in SOURCES.get(target, []) for seed in inputs(VECTORS / name)]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (folder / f'{number:04}').write_bytes(bytes([number % 256]) + seed)


if __name__ == '__main__':
    main(*sys.argv[1:])
