"""What runs by the clock: one service to a file, each with start and stop."""
