"""Several processes that train one model together, with the bits that one process gives.

Each rank has all of I and makes the same steps on it; of O it moves the rows of its own shards
(shares.py). A batch costs two exchanges (share.py): the sums of its softmax rows, before anything is written,
and the gradient of its rows of I. O itself moves at the end of an epoch, or when somebody wants to see it.

How processes talk is a Team's business (team.py): MPI (mpi.py), or nobody where there is one process, for
which the same code runs. What rank 0 has read goes to the others as arrays (messages.py).
"""

from .messages import Message, check_agreement, from_first
from .mpi import MpiTeam, launched_rank, launched_size, team_of, world
from .share import Share
from .team import Alone, RankLost, Team

__all__ = [
    "Alone",
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
    "world",
]
