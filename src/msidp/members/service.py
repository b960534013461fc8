"""What can be done with members, in terms of the session it is given."""
