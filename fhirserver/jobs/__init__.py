"""Background work: small repeated steps, each done by one process at a time.

    duties.py    the table of what is done, and how often
    lease.py     who does it: a lease in the database with a fencing token
    runner.py    the loop
    process.py   the process `fhirserver worker`

Any number of processes may run; each duty is done by whichever holds its lease. The loop looks
at the database twice a second instead of listening: NOTIFY makes committing transactions queue
behind one lock, and does not pass a transaction pooler.
"""
