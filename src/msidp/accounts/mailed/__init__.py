"""What goes through a member's mailbox: reset, proof and change of an address, sign-in and sign-up by mail.

`tokens` keeps what was mailed, hashed and good once. The services beside it give the same words and do the
same work for an address that nobody has. Below: the sessions and pages of `accounts`.
"""
