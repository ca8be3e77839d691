"""Quotas by the time from which they count, projects that were deleted, and how often the organisation changed."""

import sqlalchemy as sa
from alembic import op

revision = "0003_org_units"
down_revision = "0002"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.drop_table("quotas")  # nothing could write it yet
    create_quotas(sa.Column("since", TIME, nullable=False))
    op.create_table(
        "deleted_projects",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("cluster_id", sa.String(36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("deleted_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deleted_projects"),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name="fk_deleted_projects_cluster_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_deleted_projects_cluster_id", "deleted_projects", ["cluster_id"])
    revisions = op.create_table(
        "revisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revisions"),
    )
    op.bulk_insert(revisions, [{"id": 1, "number": 0}])


def create_quotas(*times: sa.Column[object]) -> None:
    op.create_table(
        "quotas",
        sa.Column("org_unit_id", sa.String(36), nullable=False),
        sa.Column("node_pool_id", sa.String(36), nullable=False),
        sa.Column("resource", sa.String(10), nullable=False),
        *times,
        sa.Column("deserved", sa.Float(), nullable=True),
        sa.Column("limit", sa.Float(), nullable=True),
        sa.Column("over_quota_weight", sa.Float(), nullable=True),
        sa.Column("units", sa.String(10), nullable=True),
        sa.PrimaryKeyConstraint(
            "org_unit_id", "node_pool_id", "resource", *(each.name for each in times), name="pk_quotas"
        ),
        sa.ForeignKeyConstraint(["node_pool_id"], ["node_pools.id"], name="fk_quotas_node_pool_id", ondelete="CASCADE"),
    )


def downgrade() -> None:
    for name in ("revisions", "deleted_projects", "quotas"):
        op.drop_table(name)
    create_quotas()
