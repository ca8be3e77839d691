"""Macros: functions of Spark that DuckDB calls otherwise: the questions are written for both."""

MACROS = """
create macro unix_timestamp(time) as epoch_us(time) // 1000000;
create macro timestamp_seconds(seconds) as to_timestamp(seconds);
create macro percentile(value, share) as quantile_cont(value, share);
create macro percentile_approx(value, shares, accuracy) as quantile_disc(value, shares);
create macro regexp_like(text, pattern) as regexp_matches(text, pattern);
create macro explode(list) as unnest(list);
create macro sequence(first, last) as range(first, last + 1);
create macro size(list) as len(list);
create macro element_at(list, place) as list[place];
"""
