"""Workspaces as directories: making one from images, reading the text of its pages."""
