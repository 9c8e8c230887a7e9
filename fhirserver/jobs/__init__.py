"""Background work: duties that come up again and again, and jobs that callers ask for.

    duties.py      the table of duties, and how often they come up
    lease.py       who does a duty: a lease in the database with a fencing token
    runner.py      the loop of duties
    kinds.py       the table of kinds of jobs
    job_runner.py  the loop of jobs, whose rows are in `fhirserver.store.job_rows`
    test_run.py    jobs of TestScript/$run
    async_request.py, expiry.py
                   jobs of requests with Prefer: respond-async, and the end of their answers
    tethered.py    a command that leaves nothing behind
    process.py     the process `fhirserver worker`

Any number of processes may run; each duty is done by whichever holds its lease, each job by
whichever took it. The loops look at the database every second or so instead of listening: NOTIFY
makes committing transactions queue behind one lock, and does not pass a transaction pooler.
"""
