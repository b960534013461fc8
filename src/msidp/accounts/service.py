"""What can be done with accounts, in terms of the session it is given."""
