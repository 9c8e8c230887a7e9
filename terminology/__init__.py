"""Terminology as a library: it imports nothing of the server.

So far UCUM (`ucum`): validating, canonical form, conversion.
"""
