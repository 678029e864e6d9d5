"""The command line: `python -m snip_lib`."""

import sys

from snip_lib.commands import main

if __name__ == "__main__":
    sys.exit(main())
