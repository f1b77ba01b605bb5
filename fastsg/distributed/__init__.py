"""Several processes that train one model together, with the bits that one process gives.

Each rank has all of I and makes the same steps on it; of O it holds and moves the rows of its own shards
(shares.py). A batch costs two exchanges (share.py): the sums of its softmax rows, before anything is written,
and the gradient of its rows of I. Rows of O go to another rank where an epoch over fewer words cuts other
shards, and to all who want to see them (holders.py).

How processes talk is a Team's business (team.py): MPI (mpi.py), or nobody where there is one process, for
which the same code runs. What rank 0 has read goes to the others as arrays (messages.py), to all the same or
to each its part.
"""

from .holders import Holders
from .messages import Message, check_agreement, from_first, to_each
from .mpi import MpiTeam, launched_rank, launched_size, team_of, world
from .share import Share
from .team import Alone, RankLost, Team

__all__ = [
    "Alone",
    "Holders",
    "Message",
    "MpiTeam",
    "RankLost",
    "Share",
    "Team",
    "check_agreement",
    "from_first",
    "launched_rank",
    "launched_size",
    "team_of",
    "to_each",
    "world",
]
