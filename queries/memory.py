"""Memory: how the libraries that we are made of give back what they have freed, instead of keeping it for later."""

import ctypes
import os

DELTA = {"_RJEM_MALLOC_CONF": "dirty_decay_ms:100,muzzy_decay_ms:0,narenas:2"}
"""Of delta-rs, which reads it from the environment when it is loaded."""

ARROW = {"ARROW_DEFAULT_MEMORY_POOL": "system"}
"""Of Arrow; mimalloc, its own choice, keeps more."""


def be_thrifty() -> None:
    """To be called before the libraries are loaded. What the user has set stays."""
    for name, value in (DELTA | ARROW).items():
        os.environ.setdefault(name, value)


def give_back() -> None:
    """Hand freed memory back to the system, where the C library can (glibc)."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except AttributeError:
        return
