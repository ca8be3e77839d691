-- How long each cluster was collected in each step.
select cluster as home, bucket, sum(elapsed_seconds) as collected_seconds
from (select distinct cluster, bucket, time, elapsed_seconds from picked) as steps
group by cluster, bucket
