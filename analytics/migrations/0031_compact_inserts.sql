-- What the sink inserts at a time is one file of columns and not several a column: making and removing files was a fifth of
-- an insert. Merges of several of them make wide parts as before.
ALTER TABLE usage_facts MODIFY SETTING min_bytes_for_wide_part = 67108864;
