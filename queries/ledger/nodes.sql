-- One row per node that anything names: its number, what its labels say, and which GPUs it was seen
-- with.
with
    every_node as (
        select node
        from node_series
        union
        select node
        from gpu_series
        union
        select node
        from node_facts
    ),
    labelled as (
        select
            node,
            any_value(first_label(labels, $node_pool_labels)) as node_pool,
            any_value(first_label(labels, $gpu_model_labels)) as gpu_model,
            max(try_cast(labels['label_nvidia_com_gpu_replicas'] as integer)) as replicas
        from node_facts
        group by node
    ),
    seen as (select node, any_value(gpu_model) as gpu_model from gpu_series group by node)
select
    row_number() over (order by node) as number,
    node,
    node_pool,
    coalesce(seen.gpu_model, labelled.gpu_model) as gpu_model,
    greatest(1, replicas) as replicas
from every_node
left join labelled using (node)
left join seen using (node)
where node <> ''
