"""One module a command of `fhir-bridge`."""
