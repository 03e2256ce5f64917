"`python -m colorbook` is the command `colorbook`"
import sys


def main():
    "The command, which can be interrupted while it is still being loaded"
    try:
        from .cli.app import main
        return main()
    except KeyboardInterrupt:
        print('colorbook: interrupted', file=sys.stderr)
        return 130


if __name__ == '__main__': sys.exit(main())
