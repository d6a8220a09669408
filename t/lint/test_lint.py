"""Each rule of t/lint is shown a breach, which it must find, and the lawful form, which it must leave alone."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import formatting  # noqa: E402
import layers  # noqa: E402
import lint  # noqa: E402
import scripts  # noqa: E402
import sizes  # noqa: E402
import source  # noqa: E402
import words  # noqa: E402


def edges_found(path, text, root=pathlib.Path('/nowhere')):
    return [(line, message) for _, line, message in layers.check([(path, text)], root)]


@pytest.mark.parametrize('path, target, expected', [
    ('src/core/base/text.h', 'core/log/log.h', 'upward'),
    ('src/core/conf/lexer.h', 'event/loop.h', 'upward'),
    ('src/event/loop.h', 'http/request.h', 'upward'),
    ('src/http/request.h', 'stream/session.h', 'sideways'),
    ('src/stream/session.h', 'http/request.h', 'sideways'),
    ('src/http/request.h', 'sdk.h', 'upward'),
    ('src/http/request.h', 'request.h', 'not rooted'),
    ('src/http/request.h', 'config.h', 'the SDK, which has no'),
    ('src/gadgets/x.h', 'core/base/text.h', 'no place'),
])
def test_a_wrong_edge_is_found_with_its_line(path, target, expected):
    [(line, message)] = edges_found(path, f'// x\n#include "{target}"\n')
    assert line == 2 and expected in message


@pytest.mark.parametrize('path, target', [
    ('src/core/log/log.h', 'core/base/text.h'),
    ('src/core/conf/lexer.h', 'core/log/log.h'),
    ('src/event/loop.h', 'core/conf/lexer.h'),
    ('src/http/upstream/exchange.h', 'http/request.h'),
    ('src/sdk.h', 'http/request.h'),
    ('src/core/proc/paths.cpp', 'config.h'),
    ('src/main.cpp', 'stream/session.h'),
])
def test_a_downward_edge_passes(path, target):
    assert edges_found(path, f'#include "{target}"\n') == []


def test_an_include_in_a_comment_is_no_edge():
    assert edges_found('src/event/loop.h', '// #include "http/request.h"\n/*\n#include "http/x.h"\n*/\n') == []


def test_folders_that_include_each_other_are_a_circle():
    files = [('src/core/conf/a.h', '#include "core/script/b.h"\n'), ('src/core/script/b.h', '#include "core/conf/a.h"\n')]
    [(_, line, message)] = layers.check(files, pathlib.Path('/nowhere'))
    assert line == 1 and 'core/conf -> core/script -> core/conf' in message


def test_a_module_sees_the_sdk_and_its_own_folder(tmp_path):
    (tmp_path / 'modules/http_x/inner').mkdir(parents=True)
    (tmp_path / 'modules/http_y').mkdir(parents=True)
    (tmp_path / 'modules/http_x/own.h').write_text('')
    (tmp_path / 'modules/http_y/other.h').write_text('')
    good = '#include <sluice/sdk.h>\n#include <zlib.h>\n#include "own.h"\n'
    assert edges_found('modules/http_x/inner/a.cpp', good, tmp_path) == []
    for bad in ('core/base/text.h', '../http_y/other.h', 'http_y/other.h'):
        assert edges_found('modules/http_x/a.cpp', f'#include "{bad}"\n', tmp_path), bad


FUNCTION = '''\
namespace a {
struct X {
    X(int a, int b) : a_{a}, b_(b) {}
    int size() const { return 1; }
};
enum class E { one, two };
constexpr std::array kRows{Row{"a", 1}, Row{"{", 2}};
static
int work(int a, std::map<int, int> b, void (*c)(int, int)) noexcept {
    auto inner = [&] { if (a) { return 1; } return 2; };
    for (int i = 0; i < 3; ++i) {
        if (a == '{') { while (b) { do { a = int{3}; } while (a); } }
    }
    return call([&] { return 1; });
}
}
'''


def test_functions_are_found_and_measured():
    found = {f.name: f for f in source.functions(FUNCTION)}
    assert set(found) == {'X', 'size', 'work'}
    work = found['work']
    assert (work.line, work.lines, work.nesting, work.parameters) == (8, 8, 4, 3)
    assert (found['size'].line, found['size'].lines, found['X'].parameters) == (4, 1, 2)


def test_sizes_are_limited():
    def sizes_of(path, text, exempt=frozenset()):
        return [message for _, _, message in sizes.check([(path, text)], exempt)]
    long_body = 'int f() {\n' + '    g();\n' * 70 + '}\n'
    assert 'f() has 72 lines' in sizes_of('src/a.cpp', long_body)[0]
    assert sizes_of('src/a.cpp', long_body, {('src/a.cpp', 'f')}) == []
    assert 'nests 4 deep' in sizes_of('src/a.cpp', FUNCTION)[0]
    assert '6 parameters' in sizes_of('src/a.cpp', 'void f(A a, B b, C c, D d, E e, F f) {}\n')[0]
    assert '251 lines' in sizes_of('src/a.h', '\n' * 251)[0]
    assert sizes_of('src/a.cpp', '\n' * 600) == []
    assert '601 lines' in sizes_of('t/http/test_a.py', '\n' * 601)[0]
    assert sizes_of('src/a.cpp', '\n' * 601, {('src/a.cpp', '')}) == []


def test_an_exemption_needs_its_reason():
    assert sizes.read_exemptions('# c\nsrc/a.cpp  # table\nsrc/b.cpp:f  # steps\n') == {('src/a.cpp', ''), ('src/b.cpp', 'f')}
    with pytest.raises(ValueError):
        sizes.read_exemptions('src/a.cpp\n')


@pytest.mark.parametrize('path, text, expected', [
    ('src/a.cpp', '// a\nint a; \n', (2, 'blank at the end')),
    ('src/a.cpp', '// a\n\tint a;\n', (2, 'tab')),
    ('src/a.cpp', '// a\r\n', (1, 'carriage return')),
    ('src/a.cpp', '// a\nint a;', (2, 'no newline')),
    ('src/a.cpp', '// a\n#include <iostream>\n', (2, '<iostream>')),
    ('src/a.h', '// a\n#include <chrono>\n', (2, '<chrono>')),
    ('src/a.h', '#pragma once\n', (1, 'what the file is for')),
    ('t/a.py', 'import os\n', (1, 'what the file is for')),
    ('src/a.cpp', '// a\n// FIXME later\n', (2, 'unfinished')),
])
def test_words_are_found(path, text, expected):
    [(_, line, message)] = words.check([(path, text)])
    assert line == expected[0] and expected[1] in message


@pytest.mark.parametrize('path, text', [
    ('Makefile', '# a\nall:\n\techo\n'),
    ('src/a.cpp', '// a\n#include <chrono>\n'),
    ('t/unit/a.cpp', '// a\n#include <iostream>\n'),
    ('t/a.py', '#!/usr/bin/python3\n"""A."""\n'),
])
def test_lawful_words_pass(path, text):
    assert list(words.check([(path, text)])) == []


@pytest.mark.parametrize('path, text, bad', [
    ('t/a.py', 'def f(:\n', True), ('t/a.py', 'x = 1\n', False),
    ('mk/a', '#!/bin/sh\nif true; then\n', True), ('mk/a.sh', 'echo "$1"\n', False),
])
def test_scripts_must_parse(path, text, bad):
    assert bool(list(scripts.check([(path, text)]))) == bad


@pytest.mark.skipif(formatting.unavailable() is not None, reason='needs clang-format 14')
def test_format_is_checked_and_remembered(tmp_path):
    (tmp_path / '.clang-format').write_text('BasedOnStyle: Google\n')
    files = [('good.cpp', 'int a;\n'), ('bad.cpp', 'int a;\nint   b;\n')]
    for name, text in files:
        (tmp_path / name).write_text(text)
    cache = tmp_path / 'build/formatted'
    for _ in range(2):
        [(path, line, message)] = formatting.check(files, tmp_path, cache)
        assert (path, line) == ('bad.cpp', 2) and 'format' in message
    assert len(cache.read_text().split()) == 1


def test_the_tree_is_read(tmp_path):
    (tmp_path / 'src/core').mkdir(parents=True)
    (tmp_path / 'src/core/a.h').write_text('x')
    (tmp_path / 't/data').mkdir(parents=True)
    (tmp_path / 't/data/vector.txt').write_text('\t')
    assert lint.read_tree(tmp_path) == [('src/core/a.h', 'x')]
