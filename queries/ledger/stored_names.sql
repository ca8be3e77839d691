-- The names behind the numbers of stored raw rows.
select distinct identity, window_start, {{ names | join(", ") }} from stored_rows
