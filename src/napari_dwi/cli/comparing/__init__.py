"""``compare``: any set of methods on one scan, or on known truth."""
