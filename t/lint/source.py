"""Reading C++ well enough to judge its shape: comments and literals blanked, functions found by their braces."""
import dataclasses
import re

NOT_CODE = re.compile(
    r'//[^\n]*'
    r'|/\*.*?\*/'
    r'|R"(?P<tag>[^ ()\\\n]*)\(.*?\)(?P=tag)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'",
    re.DOTALL)
PREPROCESSOR = re.compile(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', re.MULTILINE)
CONTROL = re.compile(r'(?:^|[;{}\s)])(?:if|for|while|switch|else|do|catch)\b')
CONTAINER = re.compile(r'\b(?:namespace|class|struct|union|extern)\b')
AFTER_PARAMETERS = re.compile(r'^(?:\s|const|noexcept(?:\([^()]*\))?|override|final|&&?|->[\w\s:<>,*&\[\]]+'
                              r'|requires\b.*)*(?P<initialisers>:(?!:).*)?$', re.DOTALL)


@dataclasses.dataclass
class Function:
    """A function definition: where it starts, how long, how deep its control blocks nest, how many parameters."""
    name: str
    line: int
    lines: int = 0
    nesting: int = 0
    parameters: int = 0


def blanked(text):
    """The text with comments, literals and preprocessor lines replaced by blanks; lines keep their numbers."""
    def blank(match):
        return re.sub(r'[^\n]', ' ', match.group())
    return PREPROCESSOR.sub(blank, NOT_CODE.sub(blank, text))


def without_comments(text):
    """The text with comments blanked, literals left."""
    def blank(match):
        found = match.group()
        return re.sub(r'[^\n]', ' ', found) if found.startswith('/') else found
    return NOT_CODE.sub(blank, text)


def matching(text, at):
    """The index of the bracket that closes the one at `at`, or the end."""
    pairs = {'(': ')', '{': '}'}
    opener, closer, depth = text[at], pairs[text[at]], 0
    for i in range(at, len(text)):
        if text[i] == opener:
            depth += 1
        elif text[i] == closer:
            depth -= 1
            if depth == 0:
                return i
    return len(text)


def count_parameters(inside):
    """Parameters between the brackets of a parameter list."""
    if inside.strip() in ('', 'void'):
        return 0
    depth, count = 0, 1
    for char in inside:
        if char in '(<[{':
            depth += 1
        elif char in ')>]}':
            depth -= 1
        elif char == ',' and depth == 0:
            count += 1
    return count


def signature(head):
    """(name, parameters) if the text before a brace is a function's head, (None, 0) otherwise."""
    for match in re.finditer(r'(~?\w+|operator\s*[^\s\w(]+|operator\s*\(\))\s*\(', head):
        name = re.sub(r'\s', '', match.group(1))
        if name in ('alignas', 'decltype', 'noexcept', '__attribute__', 'requires', 'static_assert', 'explicit'):
            continue
        close = matching(head, match.end() - 1)
        if close == len(head):
            return None, 0
        if AFTER_PARAMETERS.match(head[close + 1:]):
            return name, count_parameters(head[match.end():close])
    return None, 0


def is_member_initialiser(head):
    """True at the brace of `a_{1}` in `X() : a_{1}, b_{2} {`."""
    return re.search(r'\)[\w\s]*:(?!:)', head) is not None and re.search(r'[\w>]\s*$', head) is not None


def functions(text):
    """Every function defined in the text at namespace or class level, from top to bottom."""
    code = blanked(text)
    found, scopes, head_start, i = [], [], 0, 0
    while i < len(code):
        char = code[i]
        if char == ';':
            head_start = i + 1
        elif char == '}':
            if scopes:
                scopes.pop()
            head_start = i + 1
        elif char == '{':
            head = code[head_start:i]
            if is_member_initialiser(head):
                i = matching(code, i) + 1
                continue
            name, parameters = (None, 0)
            if not re.search(r'=\s*$|\breturn\s*$', head):
                name, parameters = signature(head)
            if name is not None:
                end = matching(code, i)
                found.append(measured(code, head_start, i, end, name, parameters))
                i, head_start = end + 1, end + 1
                continue
            if CONTAINER.search(head) and '=' not in head:
                scopes.append('container')
            else:
                i = matching(code, i) + 1     # an enum, an initialiser: nothing in it to measure
                continue
            head_start = i + 1
        elif char == '(':
            i = matching(code, i)
        i += 1
    return found


def measured(code, head_start, open_brace, end, name, parameters):
    """The Function whose head begins after `head_start` and whose body stands between the braces."""
    first = head_start + len(code[head_start:open_brace]) - len(code[head_start:open_brace].lstrip())
    line = code.count('\n', 0, first) + 1
    lines = code.count('\n', first, end) + 1
    return Function(name, line, lines, control_depth(code[open_brace + 1:end]), parameters)


def control_depth(body):
    """How deep blocks of if, for, while, switch and do nest; a lambda's or an initialiser's braces do not count."""
    deepest, stack, head_start, i = 0, [], 0, 0
    while i < len(body):
        char = body[i]
        if char == ';':
            head_start = i + 1
        elif char == '(':
            # The brackets of a for hold semicolons; those of a call may hold a lambda, which is looked into.
            close = matching(body, i)
            if '{' not in body[i:close]:
                i = close
        elif char == '{':
            stack.append(bool(CONTROL.search(' ' + body[head_start:i])) and not body[head_start:i].rstrip().endswith('='))
            deepest = max(deepest, sum(stack))
            head_start = i + 1
        elif char == '}':
            if stack:
                stack.pop()
            head_start = i + 1
        i += 1
    return deepest
