"""The audit log: who did what, from where. Entries join the transaction of what they tell of."""
