"""`python -m fhirserver` is the command `fhirserver`."""

import sys

from fhirserver.cli import main

sys.exit(main())
