"""What the program answers besides tables: exit codes, messages, hints, and its clients of the warehouses."""
