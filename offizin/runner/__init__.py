"""The runner: keeps one processor loaded inside the processor's own interpreter and does piece after piece.

Standard library and the environment's own ``ocrd`` only (Python 3.8+, ocrd 2.70 to 3.13); nothing here imports offizin,
and offizin imports nothing from here. ``site/sitecustomize.py`` gets it into the processor's program; ``loop.serve`` is
the entry. Under its own name in there (``offizin_runner``) it cannot clash with an installed offizin.

    site/sitecustomize.py   puts the import hook in
    loop.py                 piece after piece
    channel.py, codec.py    the socket and what goes over it
    instances.py            loaded processors, one per set of parameters
    execution.py            one piece with one processor; accounts.py counts its pages in and out
    slice_mets.py, full_mets.py, slice_file.py, page_selection.py    the METS that the processor sees
    slice_workspace.py      the workspace around it: whole files or none
    job_log.py              descriptors 1 and 2
    recognised.py, page_check.py, page_look.py    what is counted in PAGE, and what is none
    causes.py               exceptions as causes
"""
