"""Denoising methods, one file each; shared parts begin with an underscore."""
