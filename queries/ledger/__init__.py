"""From raw series to booked rows: the ledger's rules as SQL, one file a step."""
