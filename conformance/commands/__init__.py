"""The commands of `fhir-conformance`, a module each."""
