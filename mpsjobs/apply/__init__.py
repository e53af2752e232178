"""Carrying out a plan: a scheduler that does no I/O, and a runner that does it all and alone changes the state."""
