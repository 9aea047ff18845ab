"""Pictures: which rows the libraries for pictures are asked for, and what they have in common."""

from __future__ import annotations

from peer import Unsupported
from rows import Row

# More channels are no picture, nor an alpha channel or a flow field.
MOST_CHANNELS = 4


def check(row: Row) -> None:
    """Raises Unsupported where the row does not resize pictures."""
    if row.op != "resize" or row.rank != 2:
        raise Unsupported("resizes pictures only")
    if row.c_in > MOST_CHANNELS:
        raise Unsupported(f"is asked for pictures, of at most {MOST_CHANNELS} channels")


def shrinks(row: Row) -> bool:
    """Whether an axis becomes smaller."""
    return any(large < small for large, small in zip(row.resized, row.size))


def has_whole_factors(row: Row) -> bool:
    """Whether all rules of nearest agree."""
    return all(large % small == 0 for large, small in zip(row.resized, row.size))
