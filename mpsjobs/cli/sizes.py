"""Amounts of data as people read them."""


def size_text(size: int) -> str:
    """`512 B`, `3.4 MB`: powers of a thousand, as files are sold."""
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 999.5:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 99.95 else f"{amount:.1f} {unit}"
