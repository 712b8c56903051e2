"""Pairs of scans of low and of high resolution: how they are imported, kept, split and learnt from."""
