"""Queues between the server and its workers. The broker holds a short window of work; the database is the truth."""
