"""Runs a script of these folders, from wherever it is called:

    python tests/warehouses FOLDER.SCRIPT [ARGUMENT...]

Python was asked to run this folder, so it is on the path: the scripts import each other as lib.program or
stand_ins.servers.
"""

import runpy
import sys


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
