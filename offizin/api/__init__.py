"""The HTTP border: models, routes, and how errors are told. Everything behind it is ``Offizin``."""
