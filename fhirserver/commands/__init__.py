"""The commands of `fhirserver`, one module each."""
