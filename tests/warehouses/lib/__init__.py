"""What the scripts of the other folders share: cases with their tables, the definition, the program, warehouses."""
