"""What comes from others is looked at here before anybody works with it: paths, addresses, XML, zips, patterns, text.

    paths.py          a path lies inside a workspace root, a name inside its directory
    addresses.py      whom the server may call, and that it calls nobody else
    references.py     the files and URLs that a METS names
    documents.py      XML without entities, without the network, bounded
    bounds.py         how large documents may be
    zips.py           a zip is bounded, and its members are plain files inside
    patterns.py       a regular expression of a stranger ends in time, and in a process of its own
    shown_url.py      a URL in a log keeps its password to itself
    one_line.py       text of others does not write lines of its own into a log

Who may ask at all is the matter of ``offizin.access``. The attacks, and the test of each, stand in docs/security.md.

What remains, on purpose or because it cannot be had here:

- A path is resolved when it is asked for. Who may write inside of a root can put a link there afterwards; what follows
  it has the rights of the server's user. Roots are for people who do not share a shell with the server.
- Processors are programs with all rights of the server's user or of the worker's. They read what a METS names, also
  URLs, in their own way. Run those that you trust; a worker in a container has less to lose.
- A METS may name a host whose address is private. Its processors fetch what they are told to, in their own way.
- A host that is named in ``callback_hosts`` is called at whatever address its name has.
- A public address may be a door to something private (a reverse proxy, a tunnel): only its owner can know.
"""
