"""Paths into resources: FHIRPath, XPath, JSONPath."""
