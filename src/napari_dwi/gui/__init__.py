"""The napari docks; the only floor that knows napari and Qt."""
