"""``python -m offizin`` is the command ``offizin``."""

from offizin.cli import main

if __name__ == "__main__":
    main()
