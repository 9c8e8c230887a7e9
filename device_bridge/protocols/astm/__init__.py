"""Analyzers of laboratories (ASTM E1394 records in E1381 frames; CLSI LIS02-A2 and LIS01-A2).

    records    frames become records, records their fields
    results    result records become readings

The frames themselves are `framing.astm`; they are journaled as they came.
"""
