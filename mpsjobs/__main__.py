"""`python -m mpsjobs`."""

from mpsjobs.cli import main

if __name__ == "__main__":
    main()
