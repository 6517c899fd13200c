"""Starting what a cluster consists of, on this machine and on others, and ending exactly that."""
