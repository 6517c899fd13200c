"""METS files: an index in memory for look-ups, deltas that add to it, and a save that touches nothing else.

The index is plain Python and lives as long as a workspace is open; the lxml tree exists only while a file is read or
saved.
"""
