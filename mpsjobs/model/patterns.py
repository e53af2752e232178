"""Patterns that people write and that are held against texts of others.

RE2 takes time linear in the text, whatever the pattern: a slip in one, or malice in a pull request, cannot hold up a plan.
"""

from typing import Any

LONGEST = 1000


def compiled(pattern: str) -> Any:
    """A pattern that tells no capitals from small letters, unless it says `(?-i)`; `search` finds it anywhere in a text.

    Raises:
        ValueError: it is none that RE2 can read. The message says why.
    """
    import re2  # only for policies with patterns

    if len(pattern) > LONGEST:
        raise ValueError(f"it has more than {LONGEST:,} characters")
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "it cannot be read"
        raise ValueError(
            reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        ) from None
