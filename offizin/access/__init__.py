"""Who may ask for what: tokens, capabilities, hosts and origins."""
