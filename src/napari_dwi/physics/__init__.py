"""The physics of the signal: decay with the b-value, noise of magnitude images, digital phantoms."""
