"""Relations of the settings that the ledger is joined with when it is asked: one file each."""
