"""Terminology as a library: it imports nothing of the server.

ucum          units: validating, canonical form, conversion
code_system   codes of a code system, and which subsumes which
value_set     codes of a value set
"""
