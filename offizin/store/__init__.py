"""The database: it is the truth. Tables, transactions, one module per aggregate; no decisions."""
