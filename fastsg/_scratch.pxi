# The buffers of a Workspace: how large they are, who owns them, how they grow. What is written to them stands
# in _core.pyx.

cdef enum:
    H_UNIT = 32  # rows of Xs and gO are padded to this: two vectors of AVX-512, one bfloat16 tile product


cdef inline int64_t round_up(int64_t x, int64_t unit) noexcept nogil:
    return (x + unit - 1) // unit * unit


def shard_count(K: int) -> int:
    """Shards of a vocabulary: a power of two, a function of K alone, so that no thread count can change a
    sum."""
    cdef int64_t slices = round_up(K, FSG_SLICE) // FSG_SLICE, shards = 1
    while shards < 64 and 4 * shards <= slices:
        shards *= 2
    return shards


cdef int64_t[::1] shard_slices(int64_t K):
    """The first slice of every shard, and behind them the number of slices."""
    cdef int64_t slices = round_up(K, FSG_SLICE) // FSG_SLICE, shards = shard_count(K)
    return np.array([slices * s // shards for s in range(shards + 1)], np.int64)


def shard_rows(K: int):
    """The first vocabulary row of every shard, and behind them K: (shards + 1,) int64."""
    return np.minimum(np.asarray(shard_slices(K)) * SLICE, K)


def scratch_bytes(K: int, H: int, rows: int, batch_rows: int, num_threads: int,
                  precision: str = "float32") -> int:
    """Bytes of scratch for batches of `batch_rows` distinct centers that are processed in blocks of `rows`.
    """
    cdef int64_t slices = round_up(K, FSG_SLICE) // FSG_SLICE
    block = round_up(min(rows, batch_rows), FSG_PANEL)
    H_pad = round_up(H, H_UNIT)
    exps = slices * FSG_SLICE * block // (2 if precision == "bfloat16" else 1)
    partial = shard_count(K) * block * (H + 1)
    gradients = (K if batch_rows > rows else num_threads * FSG_SLICE) * H_pad + batch_rows * H
    return 4 * (exps + partial + gradients + block * (H + H_pad + 8))


def aligned(n: int):
    """n float32 zeros that start on a cache line: vector loads across two lines cost a tenth of the speed."""
    spare = np.zeros(n + 16, np.float32)
    start = -(spare.ctypes.data // 4) % 16
    return spare[start:start + n]


cdef class Scratch:
    """The buffers of a workspace, which only grow. Names and layouts: see kernels.h.

    Parameters
    ----------
    slices, shards, H : int
        Those that the workspace is about.
    nodes : int
        Sums that it makes of them: see _forward_backward.pxi.
    num_threads : int
        So many threads have a part of gO and of the bfloat16 scratch to themselves.
    half_bytes : int
        What the bfloat16 kernels need for each thread; 0 where they are not used.
    lender : Scratch or None
        One of the same H whose large buffers this one takes where they are larger than its own.
    """

    cdef int64_t H, H_pad, slices, shards, nodes, num_threads, half_bytes
    cdef Scratch lender
    cdef float[::1] X, Xs, reach, low, high, S, E, gI, gO, G
    cdef float[::1] X_half, Xs_half, thread_half  # bfloat16, two values in each float
    cdef object shift  # (rows,) float32: what was taken off each logit, in units of ln 2
    cdef float[::1] shift_u, scale_u, target_u
    cdef double[::1] Z_u, part
    cdef int64_t[::1] stop_u  # of every row, the end of its entries
    cdef int[::1] claimed  # of every shard, whether a thread has taken it in this pass
    cdef int64_t[:, ::1] cut_su, next_su  # where a row's entries in a shard begin; how far its owner has come
    cdef uint16_t[::1] place  # the block's entries, shard by shard: see fsg_placed
    cdef float[::1] count
    cdef int32_t[::1] size_sp  # how many of them each slice has in each panel

    def __init__(self, slices: int, shards: int, nodes: int, H: int, num_threads: int, half_bytes: int,
                 Scratch lender):
        self.slices, self.shards, self.nodes = slices, shards, nodes
        self.H, self.H_pad = H, round_up(H, H_UNIT)
        self.num_threads, self.half_bytes, self.lender = num_threads, half_bytes, lender
        self.part, self.claimed = np.zeros(shards), np.zeros(shards, np.intc)
        self.place, self.count = np.empty(0, np.uint16), np.empty(0, np.float32)
        self.X = self.Xs = self.S = self.E = self.gI = self.gO = self.G = aligned(0)
        self.X_half = self.Xs_half = self.thread_half = aligned(0)

    cdef void reserve(self, int64_t block, int64_t batch_rows, int64_t entries, bint keep_E,
                      bint keep_gO) except *:
        """Make every buffer large enough for a block of rows: with keep_E for a gradient, whose batch has
        `batch_rows`, and the block so many entries; with keep_gO for the whole of gO."""
        cdef int64_t padded = round_up(block, FSG_PANEL)
        if self.lender is not None:
            self.borrow(self.lender)
        if self.S.shape[0] < self.shards * padded:
            self.reserve_rows(padded)
        if not keep_E:
            return
        size = self.slices * padded * FSG_SLICE
        if self.half_bytes:
            size //= 2
            self.reserve_half(padded)
        if self.E.shape[0] < size:
            self.E = aligned(size)
        if self.gI.shape[0] < self.shards * padded * self.H:
            self.gI = aligned(self.shards * padded * self.H)
        if self.place.shape[0] <= entries:  # one more than there are, so that there is a first one
            self.place, self.count = np.empty(entries + 1, np.uint16), np.empty(entries + 1, np.float32)
        if self.G.shape[0] < self.nodes * batch_rows * self.H:
            self.G = aligned(self.nodes * batch_rows * self.H)
        size = (self.slices if keep_gO else self.num_threads) * FSG_SLICE * self.H_pad
        if self.gO.shape[0] < size:
            self.gO = aligned(size)

    cdef void reserve_rows(self, int64_t padded) except *:
        """What every pass needs for so many rows."""
        self.X = aligned(padded * self.H)
        self.Xs = aligned(padded * self.H_pad)
        self.S = aligned(self.shards * padded)
        self.reach, self.low, self.high = np.empty((3, padded // FSG_PANEL), np.float32)
        self.cut_su = np.zeros((self.shards, padded), np.int64)
        self.next_su = np.zeros((self.shards, padded), np.int64)
        self.stop_u = np.zeros(padded, np.int64)
        self.size_sp = np.empty(self.slices * padded // FSG_PANEL, np.int32)
        self.shift = np.zeros(padded, np.float32)
        self.shift_u = self.shift
        self.scale_u = np.empty(padded, np.float32)
        self.target_u = np.empty(padded, np.float32)
        self.Z_u = np.empty(padded)

    cdef void reserve_half(self, int64_t padded) except *:
        """What the bfloat16 kernels need besides."""
        if self.X_half.shape[0] < padded * self.H_pad // 2:
            self.X_half = aligned(padded * self.H_pad // 2)
            self.Xs_half = aligned(padded * self.H_pad // 2)
        if self.thread_half.shape[0] == 0:
            self.thread_half = aligned(self.num_threads * (self.half_bytes // 4))

    cdef void borrow(self, Scratch other) except *:
        """Take the other's large buffers where they are larger."""
        if other.E.shape[0] > self.E.shape[0]:
            self.E = other.E
        if other.gI.shape[0] > self.gI.shape[0]:
            self.gI = other.gI
        if other.gO.shape[0] > self.gO.shape[0]:
            self.gO = other.gO
        if other.G.shape[0] > self.G.shape[0]:
            self.G = other.G

    cdef int64_t *cuts(self, int64_t shard, int64_t U) noexcept nogil:
        """Where the rows' entries in a shard begin, for a pass to move on."""
        memcpy(&self.next_su[shard, 0], &self.cut_su[shard, 0], U * sizeof(int64_t))
        return &self.next_su[shard, 0]

    cdef fsg_placed placed(self, int64_t shard, int64_t s, const int64_t *begin_u, int64_t U) noexcept nogil:
        """Where pass A puts the entries of a shard, and pass B finds them. Its first slice is this process's
        s-th; the rows' entries begin at begin_u."""
        cdef int64_t u, before = 0
        for u in range(U):
            before += self.cut_su[shard, u] - begin_u[u]
        return fsg_placed(&self.place[0] + before, &self.count[0] + before,
                          &self.size_sp[0] + s * (round_up(U, FSG_PANEL) // FSG_PANEL))

    cdef void release_shards(self) noexcept nogil:
        """A pass begins: no thread has a shard."""
        memset(&self.claimed[0], 0, self.claimed.shape[0] * sizeof(int))

    cdef void *half_of_thread(self) noexcept nogil:
        """This thread's scratch for the bfloat16 kernels."""
        return &self.thread_half[0] + fsg_omp_thread() * (self.half_bytes // 4)
