"""The commands of `fhir-conformance`, a module each; that of `public` is in its package."""
