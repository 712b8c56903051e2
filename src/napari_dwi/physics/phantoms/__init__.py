"""Digital bodies of known tissue, and simulated scans of them."""
