"""The system of record on PostgreSQL: schema, writes, reads, history, verification.

    embedded*.py         a PostgreSQL of our own, from the binaries of a wheel
    schema, migrate      what the tables mean; bringing a database to the right revision
    database, statement  connections; hot statements, prepared and in binary form
    write, write_*       Change -> plan -> one statement; write_session is the transaction
    packed_keys          the index rows of a resource as they were written, kept with it
    index_rows           those rows as they stand in the tables, a copy per compartment
    row_locks            rows locked by a write, and what stood in them
    references           what new content refers to; referrers: what refers to the deleted
    job_rows             work that outlasts its request: waiting, taken, over
    read, history        versions by id and by time, audited in the same statement
    verify, reindex      does everything agree; give old rows today's form

Nothing below this package knows HTTP; nothing above it writes SQL.
"""
