"""`python -m fhirserver_device_bridge` is `fhir-bridge`."""

import sys

from fhirserver_device_bridge.cli import main

sys.exit(main())
