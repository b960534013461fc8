"""What can be done with webhooks, in terms of the session it is given."""
