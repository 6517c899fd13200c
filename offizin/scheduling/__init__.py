"""What is done when: submission, edges, the window, dispatch, completion, and how runs end."""
