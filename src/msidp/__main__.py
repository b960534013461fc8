"""`python -m msidp`, the same as the `msidp` command."""

from msidp.cli import main

if __name__ == "__main__":
    main()
