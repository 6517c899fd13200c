"""Offizin runs OCR-D processors and workflows on digitised books, from one laptop to a cluster."""

__version__ = "0.1.0"
