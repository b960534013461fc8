"""Many at once: members logged out, put on plans, taken off, deleted, imported; deliveries retried.

Each is a job (`msidp.jobs`), and each change is one like any other: with its events, on the audit log, in the
name of who asked for the job.
"""
