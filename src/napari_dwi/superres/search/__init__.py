"""Searching for the network and the training that suit some pairs best; needs the extra ``train``."""
