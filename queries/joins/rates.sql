-- The ledger with the price of an hour of each row's GPU at the time of the row, and with the grams of
-- CO2e that a kWh stands for in its cluster.
{% if is_rated %}
    select everything.*, rates.per_gpu_hour, rates.grams_per_kwh
    from ({{ ledger }}) as everything
    inner join
        (
            select
                models.cluster,
                models.gpu_model,
                periods.since,
                periods.until,
                min_by(prices.per_gpu_hour, prices.place) as per_gpu_hour,
                max(intensities.grams_per_kwh) as grams_per_kwh
            from
                (
                    select distinct cluster, coalesce(gpu_model, '') as gpu_model
                    from ({{ plain_ledger }}) as named
                ) as models
            cross join periods
            left join
                prices
                on prices.since = periods.since
                and coalesce(prices.cluster, models.cluster) = models.cluster
                and models.gpu_model like prices.gpu_model escape '|'
            left join intensities on intensities.cluster = models.cluster
            group by models.cluster, models.gpu_model, periods.since, periods.until
        ) as rates
        on rates.cluster = everything.cluster
        and rates.gpu_model = coalesce(everything.gpu_model, '')
        and rates.since <= everything.time
        and rates.until > everything.time
{% else %}
    select everything.*, cast(null as double) as per_gpu_hour, cast(null as double) as grams_per_kwh
    from ({{ ledger }}) as everything
{% endif %}
