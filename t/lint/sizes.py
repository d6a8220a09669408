"""How large files and functions may get. An exemption stands in exempt.txt with its reason."""
import source

FILE_LINES = 600
HEADER_LINES = 250
FUNCTION_LINES = 70
NESTING = 3
PARAMETERS = 5


def read_exemptions(text):
    """{(path, function or '')} of the lines `PATH[:FUNCTION]  # reason`; raises ValueError for one without a reason."""
    exempt = set()
    for number, line in enumerate(text.splitlines(), 1):
        entry, _, reason = line.partition('#')
        if not entry.strip():
            continue
        if not reason.strip():
            raise ValueError(f't/lint/exempt.txt:{number}: an exemption needs its reason behind a #')
        path, _, function = entry.strip().partition(':')
        exempt.add((path, function))
    return exempt


def check_function(function):
    """What is too large about a function."""
    name = function.name
    if function.lines > FUNCTION_LINES:
        yield f'{name}() has {function.lines} lines, more than {FUNCTION_LINES}'
    if function.nesting > NESTING:
        yield f'{name}() nests {function.nesting} deep, more than {NESTING}'
    if function.parameters > PARAMETERS:
        yield f'{name}() has {function.parameters} parameters, more than {PARAMETERS}'


def check_file(path, text, exempt):
    """Problems of one file as (line, message)."""
    limit = HEADER_LINES if path.endswith('.h') and not path.startswith('t/') else FILE_LINES
    lines = text.count('\n')
    if lines > limit and (path, '') not in exempt:
        yield 1, f'{lines} lines, more than {limit}'
    if not path.endswith(('.h', '.cpp')) or path.startswith('t/'):
        return
    for function in source.functions(text):
        if (path, function.name) in exempt:
            continue
        for message in check_function(function):
            yield function.line, message


def check(files, exempt):
    """Every problem as (path, line, message)."""
    for path, text in files:
        for line, message in check_file(path, text, exempt):
            yield path, line, message
