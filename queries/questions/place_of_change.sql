-- Where a change stands among those of its workload: by its time, and what came at once by its state.
unix_timestamp(time) * 5 + case
    state when 'ended' then 4 when 'running' then 3 when 'initializing' then 2 when 'pending' then 1 else 0
end
