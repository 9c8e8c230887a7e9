"""The system of record on PostgreSQL: schema, writes, reads, history, verification.

Nothing below this package knows HTTP; nothing above it writes SQL.
"""
