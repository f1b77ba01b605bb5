"""How vectors become points of a map: the flags of explore and plot."""

from __future__ import annotations

from ..vectors import PROJECTIONS
from .flags import Group


def add_projection(group: Group) -> None:
    """Declare --projection and --seed."""
    group.add_argument(
        "--projection",
        choices=PROJECTIONS,
        default="pca",
        help="how vectors become points of the map: principal components, or t-SNE (needs scikit-learn) or "
        "UMAP (needs umap-learn), which take minutes",
    )
    group.add_argument("--seed", type=int, default=1, metavar="N", help="of t-SNE and UMAP")
