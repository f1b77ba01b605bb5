"""What the machine gives, and how this process uses it. Knows no words, no vectors and no training.

    config          loads the kernels; what this installation is made of and will use
    threads         how many threads this process may use
    memory          how much memory is left, and how much was taken
    atomic          files that are the old one or the whole new one, never half of it
    folder          the same for folders
    compression     .gz, .bz2, .xz and .zst, by suffix
    growing_array   arrays that are appended to without a second copy
    growing_file    arrays that are appended to in files; mapped pages given back
    digest          SHA-256 of arrays
    progress        progress bars, quiet where nobody looks
    notebook        whether this is a notebook, and tables that it shows
    interrupts      Ctrl-C that nothing swallows

config comes first when the package is imported: OpenMP reads its wait policy when the kernels are loaded.
"""

from .config import show_config  # isort: skip  loads the kernels, which others need

from .atomic import atomic_write, check_writable, identity
from .compression import compressed, compression_of, refuse_compression, without_compression
from .folder import check_replaceable
from .growing_file import temporary_folder
from .interrupts import kept
from .memory import available

__all__ = [
    "atomic_write",
    "available",
    "check_replaceable",
    "check_writable",
    "compressed",
    "compression_of",
    "identity",
    "kept",
    "refuse_compression",
    "show_config",
    "temporary_folder",
    "without_compression",
]
