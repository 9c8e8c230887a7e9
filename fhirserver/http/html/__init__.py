"""FHIR for a person with a browser: pages without scripts and without requests elsewhere."""
