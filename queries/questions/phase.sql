-- Run:ai's word for the state that a workload is in.
case
    when state = 'running'
    then 'Running'
    when state = 'initializing'
    then 'Initializing'
    when state = 'pending'
    then 'Pending'
    when state = 'submitted'
    then 'Creating'
    when coalesce(reason, 'Completed') = 'Completed'
    then 'Completed'
    when reason = 'Deleted'
    then 'Stopped'
    else 'Failed'
end
