"""Super-resolution: more voxels within the slices of a scan, one file a method."""
