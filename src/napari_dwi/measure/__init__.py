"""Measuring: regions of interest, image quality, noise level."""
