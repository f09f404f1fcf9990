"""Runs that are cut off or killed: readers see the old tables or the new ones, and the next run works."""
