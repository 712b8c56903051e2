"""The anchored-path diffusion model: from a quick scan back to a sharp one, step by step."""
