"""Looking at processes through /proc: children, descriptors, titles."""
import os
import pathlib


def read(pid, name):
    """A file of /proc/PID, empty when the process is gone."""
    try:
        return pathlib.Path('/proc', str(pid), name).read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b''


def children(pid):
    """Process ids of the children, zombies among them."""
    return [int(word) for word in read(pid, f'task/{pid}/children').split()]


def descendants(pid):
    """Process ids of children, their children and so on."""
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def title(pid):
    """What ps shows as the command."""
    return read(pid, 'cmdline').replace(b'\0', b' ').decode().strip()


def alive(pid):
    """Whether it runs; a zombie does not."""
    status = read(pid, 'stat')
    return bool(status) and status.rpartition(b') ')[2][:1] not in (b'Z', b'X')


def cpu_seconds(pid):
    """User and system time that the process has used."""
    fields = read(pid, 'stat').rpartition(b') ')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def descriptors(pid):
    """What the process has open: descriptor number to the name that the kernel gives the file."""
    folder = f'/proc/{pid}/fd'
    names = {}
    try:
        for number in os.listdir(folder):
            try:
                names[int(number)] = os.readlink(f'{folder}/{number}')
            except FileNotFoundError:
                pass
    except (FileNotFoundError, ProcessLookupError):
        pass
    return names


def memory(pid):
    """Bytes of memory that the process has for itself."""
    fields = read(pid, 'statm').split()
    return (int(fields[1]) - int(fields[2])) * os.sysconf('SC_PAGE_SIZE')
