"""What can be done with plans, in terms of the session it is given."""
