"""Work that takes longer than a request: done in slices, with progress, whoever is killed meanwhile."""
