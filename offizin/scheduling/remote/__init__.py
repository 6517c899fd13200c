"""Workers in processes of their own, on any host, as a server sees them: which live, what they hold, what they may
begin, and what becomes of the work of those that are lost."""
