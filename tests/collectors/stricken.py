"""metrics-collect in a process that something is wrong with: ``python -m tests.collectors.stricken FAULT ARGUMENTS``.

``full``: no file grows beyond 8 KiB, as on a disk that is full. ``powerless``: what permissions forbid is forbidden to
root, too."""

import ctypes
import resource
import sys

VERSION_3 = 0x20080522
"""Of Linux's capabilities: a header of version and process, and two times three sets."""


def full() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))


def powerless() -> None:
    """Give up all capabilities, of this thread and those that it will start."""
    header, none = (ctypes.c_uint32 * 2)(VERSION_3, 0), (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, none):
        raise OSError(ctypes.get_errno(), "capset")


if __name__ == "__main__":
    {"full": full, "powerless": powerless}[sys.argv.pop(1)]()
    from collectors.cli import main  # not before: libraries start threads

    main()
