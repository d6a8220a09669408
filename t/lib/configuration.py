"""Makes a complete configuration of what a test wrote: the part inside http { }, or a whole file.

%%name%% is a port, the same one wherever the name stands; %%PREFIX%% is the server's folder.
"""
import os
import re

from . import binary
from .ports import free_port

_TEMP_PATHS = ''.join(f'    {name}_temp_path temp/{name};\n' for name in ('client_body', 'proxy'))
_NGINX_TEMP_PATHS = ''.join(f'    {name}_temp_path temp/{name};\n' for name in ('fastcgi', 'uwsgi', 'scgi'))


def complete(text, server_binary, main='', events=''):
    """A whole configuration: as it is if it has an events block, else the text goes into http { }."""
    if re.search(r'^\s*events\s*\{', text, re.M):
        return _choose_backend(text, server_binary)
    temp_paths = _TEMP_PATHS + (_NGINX_TEMP_PATHS if binary.is_nginx(server_binary) else '')
    user = 'user root;\n' if os.geteuid() == 0 and 'user ' not in main else ''
    log = '' if 'error_log' in main else 'error_log logs/error.log info;\n'
    processes = '' if 'worker_processes' in main else 'worker_processes 1;\n'
    connections = '' if 'worker_connections' in events else 'worker_connections 128;'
    return _choose_backend(
        f'{user}{processes}{log}pid logs/server.pid;\n{main}\n'
        f'events {{ {connections} {events} }}\n'
        f'http {{\n{temp_paths}    access_log logs/access.log;\n{text}\n}}\n', server_binary)


def _choose_backend(text, server_binary):
    if binary.is_nginx(server_binary) or not binary.backend():
        return text
    without = re.sub(r'\buse\s+\w+\s*;', '', text)
    return re.sub(r'^(\s*events\s*\{)', rf'\1 use {binary.backend()};', without, count=1, flags=re.M)


def fill_in(text, prefix, ports):
    """Replaces the names; `ports` learns the new ones."""
    def value(match):
        name = match[1]
        if name == 'PREFIX':
            return str(prefix)
        if name not in ports:
            ports[name] = free_port()
        return str(ports[name])
    return re.sub(r'%%(\w+)%%', value, text)


def global_directives(text):
    """For -g: what keeps a foreign configuration inside the prefix and in the foreground."""
    lines = ['daemon off;']
    if not re.search(r'^\s*pid\s', text, re.M):
        lines.append('pid logs/server.pid;')
    if os.geteuid() == 0 and not re.search(r'^\s*user\s', text, re.M):
        lines.append('user root;')
    return ' '.join(lines)
