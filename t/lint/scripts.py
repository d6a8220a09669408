"""Shell and Python files: does the interpreter take them at all?"""
import ast
import subprocess


def is_shell(path, text):
    """Ours start with #!/bin/sh or are sourced by one that does."""
    return path.endswith('.sh') or text.startswith(('#!/bin/sh', '#!/usr/bin/env sh'))


def check_python(text):
    """(line, message) of a syntax error."""
    try:
        ast.parse(text)
    except SyntaxError as error:
        yield error.lineno or 1, f'python: {error.msg}'


def check_shell(text):
    """(line, message) of a syntax error."""
    done = subprocess.run(['sh', '-n'], input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield 1, f'sh: {done.stderr.strip()}'


def check(files):
    """Every problem as (path, line, message)."""
    for path, text in files:
        if path.endswith('.py') or text.startswith(('#!/usr/bin/python3', '#!/usr/bin/env python3')):
            found = check_python(text)
        elif is_shell(path, text):
            found = check_shell(text)
        else:
            continue
        for line, message in found:
            yield path, line, message
