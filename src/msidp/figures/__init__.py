"""Figures by the hour, for charts: how many joined, left, logged in. They are added up as it happens."""
