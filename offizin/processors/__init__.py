"""Which processors there are, what they say of themselves, and whether a call fits them."""
