# The two passes over a block of rows, and what follows them: kernels shared among threads, shard by shard or
# panel by panel. All sums belong to places, never to threads, so that the number of threads changes no bit.
# The formulas: softmax.inc.c.
#
# A process may have a share of the shards, others in a row with it having the rest (fastsg/distributed). Then
# it merges its own ones as far as the binary tree of all shards goes within them: each of these sums is a
# node of that tree, and the tree above the nodes is finished by the share. Alone it has the root.

cdef enum:
    NEWTON_ROWS = 12  # rows of I that share the reading of a matrix
    STREAM_FROM = 1 << 22  # more values of E than stay in the caches until pass B: they are written past them


cdef double tree_sum(double *part, int64_t n) noexcept nogil:
    """Sum by the fixed binary tree; part is overwritten."""
    cdef int64_t i, width = 1
    while width < n:
        i = 0
        while i + width < n:
            part[i] += part[i + width]
            i += 2 * width
        width *= 2
    return part[0]


cdef void find_shifts(fsg_batch *batch) noexcept nogil:
    """The smallest and the largest shift of every panel."""
    cdef int64_t u, p
    cdef float shift
    for u in range(round_up(batch.U, FSG_PANEL)):
        p, shift = u // FSG_PANEL, batch.shift_u[u]
        if u % FSG_PANEL == 0:
            batch.low_p[p] = batch.high_p[p] = shift
        batch.low_p[p], batch.high_p[p] = min(batch.low_p[p], shift), max(batch.high_p[p], shift)


cdef class Passes:
    """The passes over a vocabulary of K words, for one block of rows at a time: begin, then pass A
    (normalise), then pass B (prepare_gradient, gradient_pass, merge_pass).

    Parameters
    ----------
    K, H : int
    num_threads : int
    half : bool
        Whether E is kept, and multiplied, in bfloat16.
    lender : Scratch or None
        See :class:`Scratch`.
    share : Share or None
        See :class:`Workspace`; None if no other process has any of the words.
    """

    cdef int64_t H, H_pad, slices, shards, nodes  # of this process
    cdef int num_threads
    cdef const fsg_bf16_table *half  # NULL: float32
    cdef Scratch scratch
    cdef object share
    cdef int64_t[::1] shard_ptr, first_k  # the first slice of every shard, and its first vocabulary row
    cdef int64_t[::1] node_ptr  # the first shard of every node, counted from this process's first one
    cdef int64_t first_slice, first_row, stop_row  # what this process has of the vocabulary
    cdef fsg_batch batch  # the block of rows that is being processed
    cdef double *n_u  # the weights of its rows
    cdef const int64_t *begin_u  # where their entries begin
    cdef double entries  # sum of w log E over its entries

    def __init__(self, K: int, H: int, num_threads: int, half: bool, Scratch lender, share):
        self.H, self.num_threads, self.share = H, num_threads, share
        self.half = bf16_table if half else NULL
        nodes = [(0, shard_count(K))] if share is None else share.nodes
        first, stop = nodes[0][0], sum(nodes[len(nodes) - 1])
        self.nodes, self.shards = len(nodes), stop - first
        self.node_ptr = np.array([node[0] - first for node in nodes] + [stop - first], np.int64)
        self.shard_ptr = shard_slices(K)[first:stop + 1]
        self.first_k = np.asarray(self.shard_ptr)[:self.shards] * SLICE
        self.first_slice = self.shard_ptr[0]
        self.slices = self.shard_ptr[self.shards] - self.first_slice
        self.first_row, self.stop_row = self.first_k[0], min(self.shard_ptr[self.shards] * FSG_SLICE, K)
        half_bytes = 0 if self.half == NULL else self.half.scratch_bytes(H)
        self.scratch = Scratch(self.slices, self.shards, self.nodes, H, num_threads, half_bytes, lender)
        self.H_pad = self.scratch.H_pad
        self.batch.K, self.batch.H, self.batch.H_pad = K, H, self.H_pad

    # -- pass A --

    cdef void begin(self, const float[:, ::1] I_kh, const float[::1] bias_k, BatchRows rows, int64_t u0,
                    int64_t u1, bint halved) noexcept nogil:
        """Pack the rows [u0, u1), find where their entries in every shard begin."""
        cdef fsg_batch *batch = &self.batch
        cdef float *shift_u = &self.scratch.shift_u[0]
        cdef int64_t u, p, panels = (u1 - u0 + FSG_PANEL - 1) // FSG_PANEL
        cdef int threads = self.threads_beside(u1 - u0, (u1 - u0) * (self.H + 16 * self.shards))
        batch.U, self.n_u, self.begin_u = u1 - u0, &rows.weight_u[u0], &rows.row_ptr[u0]
        batch.bias_k = &bias_k[0] if bias_k.shape[0] else NULL
        batch.X_ph, batch.Xs_uh = &self.scratch.X[0], &self.scratch.Xs[0]
        batch.reach_p, batch.shift_u = &self.scratch.reach[0], shift_u
        batch.low_p, batch.high_p = &self.scratch.low[0], &self.scratch.high[0]
        batch.target_u, batch.stop_u = &self.scratch.target_u[0], &self.scratch.stop_u[0]
        # rows without entries, of which only log Z is wanted, leave these empty: no address, and none is read
        batch.contexts = &rows.contexts[0] if rows.contexts.shape[0] else NULL
        batch.counts = &rows.counts[0] if rows.counts.shape[0] else NULL
        # not in equal shares: the rows of frequent words come first and are the longest
        for p in prange(panels, num_threads=threads, schedule="dynamic", chunksize=1):
            self.scratch.reach[p] = table.pack_panel(&I_kh[0, 0], &rows.ids[u0], batch.U, self.H, p,
                                                     &self.scratch.X[0])
            if halved:
                self.half.pack_panel(&I_kh[0, 0], &rows.ids[u0], batch.U, self.H, p,
                                     <uint16_t *>&self.scratch.X_half[0])
            self.cut_panel(p)
        for u in range(batch.U, panels * FSG_PANEL):
            shift_u[u] = 0

    cdef void cut_panel(self, int64_t p) noexcept nogil:
        """Where the entries of a panel's rows end, and where they begin in every shard."""
        cdef int64_t u
        for u in range(p * FSG_PANEL, min((p + 1) * FSG_PANEL, self.batch.U)):
            self.scratch.stop_u[u] = self.begin_u[u + 1]
            fsg_cut_row(self.batch.contexts, self.begin_u[u], self.begin_u[u + 1], &self.first_k[0],
                        self.shards, &self.scratch.cut_su[0, u], self.scratch.cut_su.shape[1])

    cdef void exp_pass(self, const float[:, ::1] O_kh, bint keep_E) noexcept nogil:
        """The sums of every shard, its entries' log E, and E if it is kept."""
        cdef int64_t t, i, shard
        cdef int threads = self.threads_of_pass(self.batch.U)
        self.scratch.release_shards()
        find_shifts(&self.batch)
        for t in prange(threads, num_threads=threads, schedule="static", chunksize=1):
            for i in range(self.shards):
                shard = self.claim(t, i, threads)
                if shard >= 0:
                    self.exp_shard(O_kh, shard, keep_E)

    cdef double pass_time(self, int64_t U) noexcept nogil:
        """About how many nanoseconds pass A of U rows takes one thread; pass B takes twice as long."""
        return <double>U * (self.stop_row - self.first_row) * self.H / 64

    cdef int threads_of_pass(self, int64_t U) noexcept nogil:
        """How many threads share each pass over U rows: one where pass A is too short to wake others."""
        return min(threads_for(self.pass_time(U), self.num_threads), max(self.shards, 1))

    cdef int threads_beside(self, int64_t U, double nanoseconds) noexcept nogil:
        """How many threads work is worth that comes right before or behind a pass of U rows."""
        return threads_near(nanoseconds, self.threads_of_pass(U) > 1, self.num_threads)

    cdef int64_t claim(self, int64_t t, int64_t i, int64_t threads) noexcept nogil:
        """The i-th shard that thread t would have, or -1 if another has it.

        Each thread begins with shards of its own, as a rule those that it had in the pass before: in a small
        vocabulary their E and rows of O are still in its core's cache. Then it helps the others.
        """
        cdef int64_t shard = (self.shards * t // threads + i) % self.shards
        return shard if fsg_claim(&self.scratch.claimed[shard]) else -1

    cdef void exp_shard(self, const float[:, ::1] O_kh, int64_t shard, bint keep_E) noexcept nogil:
        """Pass A of a shard, slice by slice."""
        cdef int64_t s, begin = self.shard_ptr[shard], size = round_up(self.batch.U, FSG_PANEL)
        cdef int stream = self.slices * FSG_SLICE * size > STREAM_FROM
        cdef float *S_u = &self.scratch.S[0] + shard * size
        cdef float *E_pk
        cdef int64_t *next_u = self.scratch.cuts(shard, self.batch.U)
        cdef fsg_placed placed
        cdef fsg_placed *takes = NULL
        cdef double logs = 0
        if keep_E:
            placed = self.scratch.placed(shard, begin - self.first_slice, self.begin_u, self.batch.U)
            takes = &placed
        memset(S_u, 0, size * sizeof(float))
        for s in range(begin, self.shard_ptr[shard + 1]):
            E_pk = self.exps_of(s) if keep_E else NULL
            if keep_E and self.half != NULL:
                logs += self.half.exp_slice(&self.batch, &O_kh[0, 0], s, <uint16_t *>&self.scratch.X_half[0],
                                            self.scratch.half_of_thread(), <uint16_t *>E_pk, stream, next_u,
                                            takes, S_u)
            else:
                logs += table.exp_slice(&self.batch, &O_kh[0, 0], s, E_pk, stream, next_u, takes, S_u)
        self.scratch.part[shard] = logs

    cdef float *exps_of(self, int64_t s) noexcept nogil:
        """Where E of slice s is kept, in float32 or in half as many bytes."""
        cdef int64_t place = (s - self.first_slice) * round_up(self.batch.U, FSG_PANEL) * FSG_SLICE
        return &self.scratch.E[0] + (place if self.half == NULL else place // 2)

    cdef void true_maxima(self, const float[:, ::1] O_kh) except *:
        """Rows whose sum failed (Z = 0) get their largest logit as shift. Rare, so one thread does it."""
        cdef int64_t s, u
        cdef float *top_u = &self.scratch.S[0]
        for u in range(round_up(self.batch.U, FSG_PANEL)):
            top_u[u] = -3.4e38
        with nogil:
            for s in range(self.first_slice, self.first_slice + self.slices):
                table.max_slice(&self.batch, &O_kh[0, 0], s, top_u)
        cdef double[::1] largest_u = self.largest(np.array(self.scratch.S[:self.batch.U], np.float64))
        for u in range(self.batch.U):
            if self.scratch.Z_u[u] == 0:
                self.scratch.shift_u[u] = fsg_whole_bits(<float>largest_u[u])

    cdef object largest(self, values):
        """The largest of each value (float64) that any process has of it."""
        return values if self.share is None else self.share.largest(values)

    cdef int64_t sums(self, const float[:, ::1] O_kh, bint keep_E) except -1:
        """Z_u of every row, and what their entries add up to; returns the number of rows whose sum failed,
        whose Z is 0 then."""
        cdef int64_t i, start, count, u, U = self.batch.U, size = round_up(U, FSG_PANEL), failed = 0
        node_sums = np.empty((self.nodes, U + 1))
        cdef double[:, ::1] sums_nu = node_sums
        with nogil:
            self.exp_pass(O_kh, keep_E)
            for i in range(self.nodes):
                start, count = self.node_ptr[i], self.node_ptr[i + 1] - self.node_ptr[i]
                table.merge_sums(&self.scratch.S[start * size], count, size, U, &sums_nu[i, 0])
                sums_nu[i, U] = tree_sum(&self.scratch.part[start], count)
        PyErr_CheckSignals()  # nothing of the model is written yet
        cdef const double[::1] sum_u = node_sums[0] if self.share is None else self.share.total(node_sums)
        for u in range(U):
            self.scratch.Z_u[u] = sum_u[u] if FSG_SUM_MIN <= sum_u[u] <= FSG_SUM_MAX else 0  # a NaN fails
            failed += self.scratch.Z_u[u] == 0
        self.entries = sum_u[U]
        return failed

    cdef double normalise(self, const float[:, ::1] O_kh, bint keep_E) except? -1:
        """Pass A of a block, with a second try for rows whose shift was off: Z_u, and the block's loss."""
        cdef int64_t u
        cdef double loss = 0
        if self.sums(O_kh, keep_E):
            self.true_maxima(O_kh)
            if failed := self.sums(O_kh, keep_E):
                raise DivergenceError(f"{failed} of {self.batch.U} softmax rows of the batch are not finite")
        for u in range(self.batch.U):
            loss += self.n_u[u] * table.log(self.scratch.Z_u[u])
        return loss - self.entries

    cdef double log_z(self, int64_t u) noexcept nogil:
        """log Z of row u of the block, in nats and without its shift."""
        return table.log(self.scratch.Z_u[u]) + self.scratch.shift_u[u] * FSG_LN2

    # -- pass B --

    cdef void prepare_gradient(self, const float[:, ::1] I_kh, const int32_t *ids) noexcept nogil:
        """scale_u, target_u and the scaled rows of I."""
        cdef int64_t u, U = self.batch.U, size = round_up(U, FSG_PANEL)
        cdef int threads = self.threads_beside(U, size * self.H)
        for u in prange(size, num_threads=threads, schedule="static"):
            if u < U:
                self.scale_row(&I_kh[ids[u], 0], u)
            else:
                memset(&self.scratch.Xs[0] + u * self.H_pad, 0, self.H * sizeof(float))
        if self.half != NULL:
            for u in prange(size // FSG_PANEL, num_threads=threads, schedule="static"):
                self.half.pack_scaled(&self.batch, u, <uint16_t *>&self.scratch.Xs_half[0])

    cdef void scale_row(self, const float *I_h, int64_t u) noexcept nogil:
        """What the gradient wants to know of a row."""
        cdef float scale = <float>(self.n_u[u] / self.scratch.Z_u[u])
        cdef float *Xs_h = &self.scratch.Xs[0] + u * self.H_pad
        cdef int64_t h, H = self.H
        self.scratch.scale_u[u] = scale
        self.scratch.target_u[u] = <float>(self.scratch.Z_u[u] / self.n_u[u])
        for h in range(H):
            Xs_h[h] = scale * I_h[h]

    cdef void gradient_pass(self, float[:, ::1] O_kh, int first, const fsg_step *step,
                            bint keep_gO) noexcept nogil:
        """gI of every shard and gO, slice by slice; O moves unless step is NULL."""
        cdef int64_t t, i, shard
        cdef int threads = self.threads_of_pass(self.batch.U)
        self.scratch.release_shards()
        for t in prange(threads, num_threads=threads, schedule="static", chunksize=1):
            for i in range(self.shards):
                shard = self.claim(t, i, threads)
                if shard >= 0:
                    self.gradient_shard(O_kh, shard, first, step, keep_gO)

    cdef void gradient_shard(self, float[:, ::1] O_kh, int64_t shard, int first, const fsg_step *step,
                             bint keep_gO) noexcept nogil:
        """Pass B of a shard, slice by slice."""
        cdef int64_t s, place, begin = self.shard_ptr[shard], U = self.batch.U
        cdef float *gI = &self.scratch.gI[0] + shard * round_up(U, FSG_PANEL) * self.H
        cdef float *gO
        cdef fsg_placed placed = self.scratch.placed(shard, begin - self.first_slice, self.begin_u, U)
        for s in range(begin, self.shard_ptr[shard + 1]):
            place = s - self.first_slice if keep_gO else fsg_omp_thread()
            gO = &self.scratch.gO[0] + place * FSG_SLICE * self.H_pad
            if self.half != NULL:
                self.half.gradient_slice(&self.batch, table, &O_kh[0, 0], s, <uint16_t *>self.exps_of(s),
                                         <uint16_t *>&self.scratch.Xs_half[0], self.scratch.half_of_thread(),
                                         &placed, gI, s == begin, gO, first, step)
            else:
                table.gradient_slice(&self.batch, &O_kh[0, 0], s, self.exps_of(s), &placed, gI, s == begin,
                                     gO, first, step)

    cdef void merge_pass(self, int64_t u0, int64_t batch_rows) noexcept nogil:
        """The block's rows of G, from gI of the shards of each node. They still lack their scale."""
        cdef int64_t i, p, panels = round_up(self.batch.U, FSG_PANEL) // FSG_PANEL
        cdef int64_t stride = panels * FSG_PANEL * self.H
        cdef int threads = self.threads_beside(self.batch.U, self.shards * stride / 4)
        for i in range(self.nodes):
            for p in prange(panels, num_threads=threads, schedule="static"):
                table.merge_panel(&self.batch, p, &self.scratch.gI[0] + self.node_ptr[i] * stride,
                                  self.node_ptr[i + 1] - self.node_ptr[i], stride,
                                  &self.scratch.G[0] + (i * batch_rows + u0) * self.H)

    cdef void finish_gradient(self, const float[::1] scale_u) except *:
        """G of the batch (U, H), from that of the nodes of all processes."""
        cdef int64_t u, h, U = scale_u.shape[0], H = self.H
        if not U:
            return
        cdef float *G = &self.scratch.G[0]
        if self.share is not None:
            nodes = np.asarray(self.scratch.G)[:self.nodes * U * H].reshape(self.nodes, U, H)
            nodes[0] = self.share.total_rows(nodes)
        with nogil:
            for u in range(U):
                for h in range(H):
                    G[u * H + h] *= scale_u[u]

    # -- rows of I, after the last block --

    cdef void move_inputs(self, float[:, ::1] I_kh, const int32_t[::1] ids,
                          const fsg_step *step) noexcept nogil:
        """By gradient, plain or Adagrad's."""
        cdef int64_t u
        cdef int threads = self.threads_beside(self.batch.U, ids.shape[0] * self.H)
        for u in prange(ids.shape[0], num_threads=threads, schedule="static"):
            table.move_row(&I_kh[ids[u], 0], &self.scratch.G[0] + u * self.H, self.H, step, ids[u])

    cdef void newton_inputs(self, float[:, ::1] I_kh, BatchRows rows, const fsg_newton *newton,
                            const double[::1] rate_u, float[:, ::1] scratch_t) noexcept nogil:
        """By damped Newton steps, some rows at a time; scratch_t is (threads, 2 * NEWTON_ROWS * H)."""
        cdef int64_t u, count, parts = round_up(rows.U, NEWTON_ROWS) // NEWTON_ROWS, i
        cdef int threads = self.threads_beside(self.batch.U, rows.U * self.H * self.H / 16)
        for i in prange(parts, num_threads=threads, schedule="static"):
            u = i * NEWTON_ROWS
            count = min(<int64_t>NEWTON_ROWS, rows.U - u)
            table.newton_rows(newton, &I_kh[0, 0], &rows.ids[u], &rows.weight_u[u], &rate_u[u],
                              &self.scratch.G[0] + u * self.H, count, self.H,
                              &scratch_t[fsg_omp_thread(), 0])
