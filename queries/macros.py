"""Macros: functions of Spark that DuckDB calls otherwise: the questions are written for both."""

MACROS = """
create macro unix_timestamp(time) as cast(epoch(time) as bigint);
create macro timestamp_seconds(seconds) as to_timestamp(seconds);
create macro percentile(value, share) as quantile_cont(value, share);
create macro regexp_like(text, pattern) as regexp_matches(text, pattern);
create macro explode(list) as unnest(list);
create macro sequence(first, last) as range(first, last + 1);
create macro size(list) as len(list);
create macro element_at(list, place) as list[place];
"""
