"""Files and folders: written whole, read with care, one process at a time."""
