"""What is kept of a run when it is over: one value (``RunReport``), and one file that shows it without a network."""
