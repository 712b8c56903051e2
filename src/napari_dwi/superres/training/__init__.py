"""Training networks on pairs of scans: what they are, what they learn from, and the folders of runs."""
