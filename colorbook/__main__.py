"`python -m colorbook` is the command `colorbook`"
import sys
from .cli.app import main

sys.exit(main())
