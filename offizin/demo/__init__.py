"""A small book set in type, to try everything with: rendered, recognised and compared."""
