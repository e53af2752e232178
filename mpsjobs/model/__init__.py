"""The vocabulary: frozen types, ports and diagnostics. Nothing here does I/O; every other layer speaks in these words."""
