"""Line by line: blanks, marks of unfinished work, headers that cost too much compile time, the opening comment."""
import re

import layers

# Too dear for a header that everything includes; iostream and regex have no place in the server at all.
BANNED_IN_HEADERS = {'iostream', 'filesystem', 'chrono', 'regex', 'ranges'}
BANNED_EVERYWHERE = {'iostream', 'regex'}
UNFINISHED = re.compile(r'\b(TODO|FIXME|XXX)\b')
OPENING = {'.h': '//', '.cpp': '//', '.py': ('"""', "#!"), '.sh': '#'}


def suffix(path):
    """'.h' for a/b.h, '' for a name without a dot."""
    name = path.rsplit('/', 1)[-1]
    return name[name.rindex('.'):] if '.' in name[1:] else ''


def check_blanks(path, text):
    """Tabs (makefiles need theirs), blanks at a line's end, foreign line ends, a last line without its newline."""
    tabs_allowed = path.endswith(('.mk', 'Makefile', '.tsv')) or '<<-' in text
    for number, line in enumerate(text.split('\n'), 1):
        if '\r' in line:
            yield number, 'carriage return'
        elif line != line.rstrip():
            yield number, 'blank at the end of the line'
        if '\t' in line and not tabs_allowed:
            yield number, 'tab'
    if text and not text.endswith('\n'):
        yield text.count('\n') + 1, 'no newline at the end of the file'


def check_unfinished(text):
    """Marks of work that is not done."""
    for number, line in enumerate(text.split('\n'), 1):
        if UNFINISHED.search(line):
            yield number, 'mark of unfinished work'


def check_includes(path, text):
    """Banned standard headers in the server and its modules."""
    if not path.startswith(('src/', 'modules/')):
        return
    banned = BANNED_IN_HEADERS if path.endswith('.h') else BANNED_EVERYWHERE
    for line, quoted, target in layers.includes(text):
        if not quoted and target in banned:
            yield line, f'<{target}> is not used here (compile time; see the style rules)'


def check_opening(path, text):
    """A file begins by saying what it is for."""
    wanted = OPENING.get(suffix(path))
    if wanted and text and not text.startswith(wanted):
        yield 1, 'the first line does not say what the file is for'


def check(files):
    """Every problem as (path, line, message)."""
    for path, text in files:
        rules = [check_blanks(path, text), check_includes(path, text), check_opening(path, text)]
        if not path.startswith('t/lint/'):
            rules.append(check_unfinished(text))
        for rule in rules:
            for line, message in rule:
                yield path, line, message
