"""The METS server protocol of the reference: requests to answers, look-ups, and where it listens.

What is served is another's: the METS of an attempt (``workers``) or of a whole workspace (``scheduling``).
"""
