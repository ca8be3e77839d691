-- What each device showed in each step, one column per metric of the catalogue. u: its utilization,
-- from one source an hour.
with
    named as (
        select
            step - step % $hour as window_start,
            device,
            step,
            is_spoiled,
            {{ expressions.gpu_energy_joules }} as energy_watts,
            {{ expressions.gpu_graphics_engine_active_ratio }} as graphics_engine,
            {{ expressions.gpu_kernel_active_ratio }} as kernel
            {% for gauge in gpu_gauges %}, {{ expressions[gauge.name] }} as {{ gauge.name }}{% endfor %}
        from readings
    )
select
    named.* exclude (graphics_engine, kernel),
    case
        when $utilization_source = 'graphics_engine' or $utilization_source = 'auto' and has_graphics_engine
        then graphics_engine
        when gpu_instance = ''
        then kernel
    end as u
from named
inner join devices using (window_start, device)
