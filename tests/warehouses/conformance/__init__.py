"""Every table that a run makes, row for row, against the definition or the native engine."""
