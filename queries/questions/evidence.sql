-- How some holdings were used, and when.
max(gpu_utilization_ratio_max) as gpu_utilization_ratio_max,
max(gpu_memory_used_bytes_max) as gpu_memory_used_bytes_max,
max(gpu_memory_used_bytes_max / gpu_memory_total_bytes_max) as gpu_memory_utilization_ratio_max,
sum(gpu_power_watts_integral) / nullif(sum(gpu_power_watts_seconds), 0) as gpu_power_watts,
timestamp_seconds(min(held_since)) as held_since,
timestamp_seconds(max(held_until)) as held_until,
timestamp_seconds(min(first_activity)) as first_activity,
timestamp_seconds(max(last_activity)) as last_activity
