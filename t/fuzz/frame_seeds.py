#!/usr/bin/python3
"""Makes seeds for the fuzz target of HTTP/2 sessions: frame_seeds.py TARGET FOLDER. They are records as http2_session.cpp reads them."""
import pathlib
import struct
import sys

DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
PRIORITY_UPDATE = 0x10
END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY = 1, 4, 8, 32
TURN, WRONG_LENGTH = 0x80, 0x40
RAW, NO_PREFACE, READS_LITTLE, STAYS_OPEN, CUT, ACKNOWLEDGES = 1, 2, 4, 8, 16, 32


def record(kind, flags=0, stream=0, payload=b''):
    return bytes([kind, flags, stream, len(payload)]) + payload


def literal(name, value, indexed=True):
    return bytes([0x40 if indexed else 0, len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def block(path, method='GET', *fields):
    pairs = [(':method', method), (':scheme', 'http'), (':path', path), (':authority', 'a'), *fields]
    return b''.join(literal(*pair) for pair in pairs)


def ask(stream, path, method='GET', *fields, end=True):
    return record(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block(path, method, *fields))


SETTINGS_FRAME = record(SETTINGS, 0, 0, struct.pack('>HIHIHI', 1, 100, 4, 100, 5, 16384))
SEEDS = {
    'http2_session': [
        ask(1, '/answer'),
        SETTINGS_FRAME + ask(1, '/file') + record(WINDOW | TURN, 0, 1, struct.pack('>I', 100000)) + record(WINDOW, 0, 0, struct.pack('>I', 100000)),
        b''.join(ask(stream, path) for stream, path in zip(range(1, 13, 2), ['/answer', '/file', '/slow', '/none', '/answer', '/up'])),
        ask(1, '/up', 'POST', end=False) + record(DATA | TURN, 0, 1, b'body') + record(DATA, END_STREAM, 1, b'end'),
        ask(1, '/un', 'POST', ('content-length', '7'), end=False) + record(DATA | TURN, PADDED, 1, b'\3body\0\0\0') + record(DATA | TURN, 1, 1, b'end'),
        ask(1, '/un', 'POST', ('te', 'trailers'), end=False) + record(DATA | TURN, 0, 1, b'x' * 200)
        + record(HEADERS | TURN, 5, 1, literal('x-trailer', '1')),
        ask(1, '/slow') + record(RESET | TURN, 0, 1, struct.pack('>I', 8)) + ask(3, '/answer'),
        record(HEADERS, 1, 1, block('/answer')[:9]) + record(CONTINUATION | TURN, 4, 1, block('/answer')[9:]),
        record(HEADERS, END_HEADERS | END_STREAM | PADDED | WITH_PRIORITY, 1, b'\2\0\0\0\0\x10' + block('/answer') + b'\0\0'),
        record(PING, 0, 0, b'12345678') + record(PING | TURN, 1, 0, b'12345678') + record(GOAWAY, 0, 0, bytes(8)) + ask(1, '/answer'),
        record(PRIORITY, 0, 3, b'\0\0\0\1\x10') + record(PRIORITY_UPDATE, 0, 0, b'\0\0\0\1u=1, i') + ask(1, '/file'),
        record(HEADERS, 5, 1, b'\x82\x86\x84\x41\1a') + record(HEADERS | TURN, 5, 3, b'\x20\x3f\x11\x82\x86\x84\xbe'),
        record(HEADERS, 4, 1, literal(':method', 'CONNECT') + literal(':protocol', 'websocket') + literal(':scheme', 'http')
               + literal(':path', '/un') + literal(':authority', 'a') + literal('sec-websocket-version', '13')) + record(DATA | TURN, 1, 1, b'hello'),
        record(0x77 & 0x3f, 0xff, 9, b'unknown') + record(DATA | WRONG_LENGTH, 0, 1, b'x') + record(PUSH, 4, 1, bytes(4)),
        ask(1, '/up', 'POST', ('expect', '100-continue'), end=False) + b''.join(record(DATA | TURN, 0, 1, b'z' * 230) for _ in range(12)),
    ],
}


def main(target, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    manners = [0, ACKNOWLEDGES, READS_LITTLE | STAYS_OPEN, CUT, ACKNOWLEDGES | STAYS_OPEN]
    for number, seed in enumerate(SEEDS.get(target, [])):
        (folder / f'frames-{number:02}').write_bytes(bytes([manners[number % len(manners)]]) + seed)


if __name__ == '__main__':
    main(*sys.argv[1:])
