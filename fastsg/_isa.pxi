# The kernels of kernels.h and the choice among them: instruction sets, bfloat16 sets, one thread after a
# fork; what tests and benchmarks ask of a set. Nothing here knows a batch.

cdef extern from "_omp.h" nogil:
    const int FSG_OPENMP
    const int FSG_FORKS
    int fsg_omp_thread() noexcept
    int fsg_claim(int *claimed) noexcept
    void fsg_omp_pause() noexcept


cdef extern from "kernels.h" nogil:
    const int FSG_PANEL, FSG_SLICE, FSG_LANES
    int64_t FSG_GRAM_SCRATCH(int64_t) noexcept
    const double FSG_SUM_MIN, FSG_SUM_MAX, FSG_LN2
    const char *FSG_COMPILER

    ctypedef struct fsg_batch:
        int64_t K, H, U, H_pad
        const float *bias_k
        const float *X_ph
        const float *reach_p
        float *shift_u
        float *low_p
        float *high_p
        float *Xs_uh
        const float *target_u
        const int64_t *stop_u
        const int32_t *contexts
        const float *counts

    ctypedef struct fsg_placed:
        uint16_t *place
        float *count
        int32_t *size_p

    ctypedef struct fsg_step:
        float rate
        float *adagrad_k

    ctypedef struct fsg_nearest:
        int64_t n, room
        float slack
        float *bar_u
        int64_t *filled_u
        int64_t *size_u
        float *heap_un
        int32_t *id_ur
        float *score_ur

    ctypedef struct fsg_newton:
        const float *axes_hh
        const float *turned_hh
        const float *curvature_h
        double prior

    ctypedef struct fsg_table:
        const char *name
        int fma
        float (*pack_panel)(const float *, const int32_t *, int64_t, int64_t, int64_t, float *) noexcept nogil
        double (*exp_slice)(const fsg_batch *, const float *, int64_t, float *, int, int64_t *, fsg_placed *,
                            float *) noexcept nogil
        void (*max_slice)(const fsg_batch *, const float *, int64_t, float *) noexcept nogil
        void (*merge_sums)(const float *, int64_t, int64_t, int64_t, double *) noexcept nogil
        void (*gradient_slice)(const fsg_batch *, float *, int64_t, float *, fsg_placed *, float *, int,
                               float *, int, const fsg_step *) noexcept nogil
        void (*merge_panel)(const fsg_batch *, int64_t, float *, int64_t, int64_t, float *) noexcept nogil
        void (*move_row)(float *, const float *, int64_t, const fsg_step *, int64_t) noexcept nogil
        void (*mean_rows)(const float *, const float *, int64_t, int64_t, double *) noexcept nogil
        void (*gram_rows)(const float *, const float *, const float *, int64_t, int64_t, double *,
                          double *) noexcept nogil
        void (*times_rows)(const float *, int64_t, int64_t, const float *, int64_t, float *) noexcept nogil
        void (*sparse_rows)(const float *, const int32_t *, int64_t, int64_t, int64_t *, const int64_t *,
                            int64_t, const float *, int64_t, float *) noexcept nogil
        void (*newton_rows)(const fsg_newton *, float *, const int32_t *, const double *, const double *,
                            const float *, int64_t, int64_t, float *) noexcept nogil
        void (*score_rows)(const float *, const float *, int64_t, int64_t, const float *,
                           float *) noexcept nogil
        void (*nearest_rows)(const fsg_nearest *, const float *, const float *, int64_t, int64_t, int64_t,
                             const float *, int64_t) noexcept nogil
        void (*nearest_slice)(const fsg_nearest *, const float *, const float *, int64_t, int64_t, int64_t,
                              const float *, int64_t) noexcept nogil
        double (*log)(double) noexcept nogil
        void (*log_array)(double *, int64_t) noexcept nogil
        void (*exp)(const float *, const float *, float *, int64_t) noexcept nogil
        int64_t (*peak)(int64_t, float *) noexcept nogil
        void (*chain)(int64_t, float *) noexcept nogil

    ctypedef struct fsg_bf16_table:
        const char *name
        int64_t (*scratch_bytes)(int64_t) noexcept nogil
        void (*pack_panel)(const float *, const int32_t *, int64_t, int64_t, int64_t,
                           uint16_t *) noexcept nogil
        void (*pack_scaled)(const fsg_batch *, int64_t, uint16_t *) noexcept nogil
        double (*exp_slice)(const fsg_batch *, const float *, int64_t, const uint16_t *, void *, uint16_t *,
                            int, int64_t *, fsg_placed *, float *) noexcept nogil
        void (*gradient_slice)(const fsg_batch *, const fsg_table *, float *, int64_t, uint16_t *,
                               const uint16_t *, void *, fsg_placed *, float *, int, float *, int,
                               const fsg_step *) noexcept nogil
        int64_t (*peak)(int64_t) noexcept nogil

    const fsg_bf16_table *fsg_bf16_available(int) noexcept
    const fsg_table *fsg_available(int) noexcept
    float fsg_abs_max(const float *, int64_t) noexcept
    float fsg_whole_bits(float) noexcept


SLICE = FSG_SLICE
PANEL = FSG_PANEL
OPENMP = FSG_OPENMP
COMPILER = FSG_COMPILER.decode()


# ---- instruction sets ----

cdef const fsg_table *table = NULL
cdef const fsg_bf16_table *bf16_table = NULL


def available_isas() -> list[str]:
    """Names of the kernel sets this CPU can run, best first."""
    names = []
    while fsg_available(<int>len(names)) != NULL:
        names.append(fsg_available(<int>len(names)).name.decode())
    return names


def select_isa(name: str | None = None) -> str:
    """Choose the kernels: ``None`` the best, else one of :func:`available_isas`; others are a ValueError."""
    global table
    names = available_isas()
    if name is not None and name not in names:
        raise ValueError(f"instruction set is {name!r}; this build and CPU allow {', '.join(names)}")
    table = fsg_available(0 if name is None else <int>names.index(name))
    return isa()


def isa() -> str:
    """Name of the kernels in use."""
    return table.name.decode()


def available_bf16() -> list[str]:
    """Names of the bfloat16 kernel sets this CPU can run, best first."""
    names = []
    while fsg_bf16_available(<int>len(names)) != NULL:
        names.append(fsg_bf16_available(<int>len(names)).name.decode())
    return names


def select_bf16(name: str | None = None) -> str | None:
    """Choose the bfloat16 kernels of workspaces to come: ``None`` the best there is, else one of
    :func:`available_bf16`."""
    global bf16_table
    names = available_bf16()
    if name is not None and name not in names:
        allowed = ", ".join(names) or "none"
        raise ValueError(f"bfloat16 kernel set is {name!r}; this build and CPU allow {allowed}")
    bf16_table = fsg_bf16_available(0 if name is None else <int>names.index(name))
    return None if bf16_table == NULL else bf16_table.name.decode()


def available_precisions() -> list[str]:
    """Precisions of the products that this CPU can train in."""
    return ["float32"] + (["bfloat16"] if bf16_table != NULL else [])


select_isa(os.environ.get("FASTSG_ISA") or None)
select_bf16()


# ---- fork ----

cdef bint one_thread = False


def pause() -> None:
    """End this thread's OpenMP threads, which start anew when they are needed. Runs before every fork."""
    fsg_omp_pause()


def after_fork() -> None:
    """In a forked child, where OpenMP could not end its threads: one thread from now on. Results are the
    same."""
    global one_thread
    one_thread = not FSG_FORKS


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=pause, after_in_child=after_fork)


# ---- single functions of a set ----

def logarithms(values):
    """log of positive normal numbers, float64, by the kernels' own logarithm: NumPy's may differ between
    CPUs."""
    out = np.array(values, np.float64, order="C")
    cdef double[::1] flat = out.reshape(-1)
    if flat.shape[0]:
        table.log_array(&flat[0], flat.shape[0])
    return out


def vector_exp(const float[::1] c not None, const float[::1] m not None):
    """For tests: e^c 2^-m by the kernels' own exponential, m whole. As many c as m, a multiple of 16."""
    if c.shape[0] % FSG_LANES or c.shape[0] != m.shape[0]:
        raise ValueError(f"c and m have {c.shape[0]} and {m.shape[0]} values; need as many, and a multiple "
                         f"of {FSG_LANES}")
    out = np.empty(c.shape[0], np.float32)
    cdef float[::1] out_v = out
    if c.shape[0]:
        table.exp(&c[0], &m[0], &out_v[0], c.shape[0])
    return out


def fma_rounds(n: int, num_threads: int, precision: str = "float32") -> int:
    """For benchmarks: n rounds of multiply-adds in registers on each thread. Returns the floating-point
    operations done."""
    cdef float[:, ::1] out = np.zeros((num_threads, 12 * FSG_LANES), np.float32)
    cdef int64_t[::1] flops = np.zeros(num_threads, np.int64)
    cdef int64_t t, rounds = n, threads = num_threads
    cdef bint half = precision == "bfloat16"
    if half and bf16_table == NULL:
        raise ValueError("this CPU has no bfloat16 kernels")
    with nogil:
        for t in prange(threads, num_threads=threads, schedule="static"):
            flops[t] = bf16_table.peak(rounds) if half else table.peak(rounds, &out[t, 0])
    return int(np.sum(flops))


def fma_chain(n: int) -> None:
    """For benchmarks: n multiply-adds, each waiting for the one before it (4 cycles on x86-64 CPUs since
    2015). Their time shows the clock."""
    cdef float[::1] out = np.zeros(FSG_LANES, np.float32)
    cdef int64_t rounds = n
    with nogil:
        table.chain(rounds, &out[0])


cdef enum:  # nanoseconds
    WORTH_WAKING = 1 << 17
    WORTH_SHARING = WORTH_WAKING / 6  # with threads that are awake


cdef inline int threads_for(double nanoseconds, int num_threads) noexcept nogil:
    """How many threads to start for work that takes one of them about so long: to wake another takes some
    100 microseconds where it sleeps.

    Callers reckon roughly: a nanosecond for a number that is copied or checked or a step of a search, a
    quarter to a hundredth of one for a multiply-add or an addition in vectors.
    """
    return num_threads if nanoseconds > WORTH_WAKING else 1


cdef inline int threads_near(double nanoseconds, bint shared, int num_threads) noexcept nogil:
    """The same for work right before or behind other work. If several threads share that, they will be woken
    anyway or have not gone to sleep yet."""
    return num_threads if nanoseconds > (WORTH_SHARING if shared else WORTH_WAKING) else 1
