"""Workers of the reference, as one worker of ours for each processor that they have."""
