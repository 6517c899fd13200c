"""How large a document of others may be."""

MOST_METS = 256 * 1024 * 1024  # bytes; one of a million files has some 200 MB
MOST_PAGE = 64 * 1024 * 1024
DEEPEST = 256  # elements in each other, as in libxml2
