/* The kernels of fastsg: exact softmax over the whole vocabulary for a batch of rows, its gradients, and the
 * updates; with what tall matrices need (dense.inc.c). A table of functions for each instruction set, and how
 * the best one is found.
 *
 * Legend, used in every file of this folder
 *   K   vocabulary size            k   a vocabulary row (a context word)
 *   H   vector size                h   a coordinate
 *   U   rows of the batch (its distinct centers, equal centers merged)      u   a row of the batch
 *   p   a panel: PANEL consecutive u, padded with zero rows; the vector lanes run along u
 *   s   a slice: SLICE consecutive k (the last may be shorter); a shard: slices in a row, owned by one thread
 *   I_kh, O_kh (K, H)   input and output matrix, row-major, item-aligned only
 *   X_ph [p][h][PANEL]  the batch's rows of I, transposed panel by panel
 *   E_pk [p][k][PANEL]  e^c_uk 2^-shift_u of one slice
 *   N_uk                weight of the pairs (center u, context k); n_u = sum_k N_uk
 * Names end in their axes: the name is the shape.
 *
 * What no kernel does: allocate, start threads, print, know Python. The caller checks shapes and ids and owns
 * all scratch. What is the same for every instruction set stands elsewhere: random.h, subsampling.h,
 * windows.h, rows.h, cooccur.h, small_matrices.h.
 *
 * Bits. Every output element is one chain of fused multiply-adds in a fixed order and lanes are independent
 * of each other, so the vector width cannot change a bit. Sums over k run in index order inside a slice (exp)
 * or a shard (gI); slices are added in order, shards merged by a fixed binary tree. Sums over h (norms, dot
 * products) use LANES fixed lanes folded 8-4-2-1.
 */
#ifndef FASTSG_KERNELS_H
#define FASTSG_KERNELS_H

#include <stdint.h>

/* A slice is divisible by every register tile height in use (12, 8, 6, 4), and by the 32 of bfloat16 tiles. */
#define FSG_PANEL 64
#define FSG_SLICE 96
#define FSG_LANES 16

/* Rows that gram_rows takes at a time, and the scratch (doubles) it needs for rows of H: two padded copies,
 * and a tile past the end. */
#define FSG_GRAM_ROWS 64
#define FSG_GRAM_WIDTH(H) (((H) + 63) / 64 * 64)
#define FSG_GRAM_SCRATCH(H) (2 * FSG_GRAM_ROWS * FSG_GRAM_WIDTH(H) + 16)

#if defined(__clang__)
  #define FSG_COMPILER "clang " __clang_version__
#else
  #define FSG_COMPILER "gcc " __VERSION__
#endif

/* E = e^c 2^-shift for a logit c (in nats, as everywhere) and a whole number shift, whose subtraction then
 * costs nothing. What is below 2^EXP_MIN (7.9e-31) of the shift becomes zero: denormals are slow on some
 * CPUs. */
#define FSG_LOG2E 0x1.715476p+0f
#define FSG_LN2 0x1.62e42fefa39efp-1
#define FSG_EXP_MIN (-100)

/* Rows whose sum of exp leaves this range are redone with their true maximum as shift. */
#define FSG_SUM_MIN 0x1p-20
#define FSG_SUM_MAX 0x1p+60

/* A batch: sizes, inputs and the scratch that its passes share. Pointers are the caller's. */
typedef struct {
    int64_t K, H, U;
    int64_t H_pad;         /* row length of Xs_uh and gO_kh: H rounded up to 32, padding zero */
    const float *bias_k;   /* (K) added to the logits, or NULL */
    const float *X_ph;     /* (panels, H, PANEL) */
    const float *reach_p;  /* (panels): the largest norm of a row of X_ph */
    float *shift_u;        /* (panels * PANEL) whole numbers */
    float *low_p, *high_p; /* (panels): the smallest and the largest of them */
    float *Xs_uh;          /* (panels * PANEL, H_pad): scale_u * X_uh */
    const float *target_u; /* (panels * PANEL): Z_u / n_u, what one unit of N is worth in E's scale */
    /* the counts of the batch: row u holds the entries up to stop_u[u]; contexts rise within a row */
    const int64_t *stop_u;
    const int32_t *contexts;
    const float *counts;
} fsg_batch;

/* Where the entries of a shard lie in E, as pass A finds them, slice by slice and panel by panel, for pass B
 * to walk without a question at each row whether it has one. Both passes move the pointers past each slice's. */
typedef struct {
    uint16_t *place; /* k % SLICE * PANEL + u % PANEL */
    float *count;
    int32_t *size_p; /* (panels): how many the slice has in each */
} fsg_placed;

/* How a row moves: x -= rate * g, or with row-wise Adagrad a += mean_h g^2, x -= rate * g / sqrt(a). */
typedef struct {
    float rate;
    float *adagrad_k; /* (K) running sums, or NULL for plain SGD */
} fsg_step;

/* What one thread has found of the rows that lie closest to each query u: see search.inc.c. Arrays are padded
 * to whole panels of queries. */
typedef struct {
    int64_t n;         /* how many rows a query asks for, at least 1 */
    int64_t room;      /* of its list, at least 2 n */
    float slack;       /* scores are off by less than half of it */
    float *bar_u;      /* what a score must lie above: -inf at first, +inf where there is no query */
    int64_t *filled_u; /* scores in the heap, 0 at first */
    int64_t *size_u;   /* entries in the list, 0 at first; -1: there were too many */
    float *heap_un;    /* the n best scores */
    int32_t *id_ur;    /* the list */
    float *score_ur;
} fsg_nearest;

/* What the Newton steps of a batch share: the axes of the curvature, as rows and as columns (H, H), the curvature
 * along each, and the prior's. */
typedef struct {
    const float *axes_hh, *turned_hh, *curvature_h;
    double prior;
} fsg_newton;

/* The functions of one instruction set. */
typedef struct {
    const char *name;
    int fma; /* 1: products are fused, bits agree with every other FMA table */

    /* X_ph of panel p from rows ids[u] of I_kh; rows past U are zero. Returns its largest norm of a row. */
    float (*pack_panel)(const float *I_kh, const int32_t *ids, int64_t U, int64_t H, int64_t p, float *X_ph);

    /* S_u += sum over the slice's k of E_uk; E itself into E_pk unless that is NULL. E_pk starts on a cache
     * line; with `stream` it is written past the caches. next_u holds each row's first entry in the slice and
     * moves on to the first of the next slice; with E, `placed` takes the entries. Returns the sum of w log E
     * over them.   2 U K H flops over all slices */
    double (*exp_slice)(const fsg_batch *batch, const float *O_kh, int64_t s, float *E_pk, int stream,
                        int64_t *next_u, fsg_placed *placed, float *S_u);

    /* top_u = max(top_u, c of slice s). */
    void (*max_slice)(const fsg_batch *batch, const float *O_kh, int64_t s, float *top_u);

    /* sum_u = tree sum of S_su over the shards, in double; at most 64 of them. */
    void (*merge_sums)(const float *S_su, int64_t shards, int64_t stride, int64_t U, double *sum_u);

    /* Residual R = E - N * target in place of E, then gI_ph += O_s' R and gO_kh = R' Xs, and at once O_s
     * moves (unless step is NULL). placed: as pass A filled it. opens: this is the first slice of its shard,
     * gI_ph starts at zero. first: gO_kh starts at zero; otherwise it holds what earlier blocks of rows of the
     * same batch left.   4 U K H flops */
    void (*gradient_slice)(const fsg_batch *batch, float *O_kh, int64_t s, float *E_pk, fsg_placed *placed,
                           float *gI_ph, int opens, float *gO_kh, int first, const fsg_step *step);

    /* G_uh of panel p = tree sum of gI_sph over the shards. gI_sph is overwritten. */
    void (*merge_panel)(const fsg_batch *batch, int64_t p, float *gI_sph, int64_t shards, int64_t stride,
                        float *G_uh);

    /* I_h, row k of its matrix, moves along G_h. */
    void (*move_row)(float *I_h, const float *G_h, int64_t H, const fsg_step *step, int64_t k);

    /* Tall matrices: see dense.inc.c. */
    void (*mean_rows)(const float *Y_kh, const float *w_k, int64_t rows, int64_t H, double *sum_h);
    void (*gram_rows)(const float *Y_kh, const float *w_k, const float *center_h, int64_t rows, int64_t H,
                      double *scratch, double *G_hh);
    void (*times_rows)(const float *Y_kh, int64_t rows, int64_t H, const float *M_hj, int64_t J,
                       float *out_kj);
    void (*sparse_rows)(const float *values, const int32_t *columns, int64_t m, int64_t stop_m,
                        int64_t *next_m, const int64_t *end_m, int64_t stop_k, const float *X_kh, int64_t H,
                        float *out_mh);
    /* See newton.inc.c. */
    void (*newton_rows)(const fsg_newton *newton, float *I_kh, const int32_t *ids, const double *n_u,
                        const double *rate_u, const float *G_uh, int64_t count, int64_t H, float *scratch);

    /* Exact search: see search.inc.c. */
    void (*score_rows)(const float *Y_kh, const float *inverse_k, int64_t count, int64_t H, const float *x_h,
                       float *score_k);
    void (*nearest_rows)(const fsg_nearest *nearest, const float *Y_kh, const float *inverse_k, int64_t count,
                         int64_t H, int64_t first, const float *X_uh, int64_t U);
    void (*nearest_slice)(const fsg_nearest *nearest, const float *Y_kh, const float *inverse_k,
                          int64_t count, int64_t H, int64_t first, const float *X_ph, int64_t U);

    /* The project's own logarithm: the same bits everywhere. log_array: of n numbers, in place. */
    double (*log)(double x);
    void (*log_array)(double *x, int64_t n);
    /* For tests: the vector exponential, n a multiple of LANES. */
    void (*exp)(const float *c, const float *m, float *y, int64_t n);
    /* For benchmarks. peak: n rounds of multiply-adds in registers; out holds 12 vectors; returns the flops.
     * chain: n multiply-adds one after the other; out holds one vector. */
    int64_t (*peak)(int64_t n, float *out);
    void (*chain)(int64_t n, float *out);
} fsg_table;

/* Each returns NULL where the build or the CPU lacks it. */
const fsg_table *fsg_generic(void);
const fsg_table *fsg_avx2(void);
const fsg_table *fsg_avx512(void);
const fsg_table *fsg_neon(void);

/* The passes in bfloat16 with fp32 accumulation: like the functions above of the same name, but E, X and Xs
 * are bfloat16 in layouts of their own (bf16.inc.c), and `scratch` is scratch_bytes(H) for each thread.
 * `base` lends the fp32 functions. */
typedef struct {
    const char *name;
    int64_t (*scratch_bytes)(int64_t H);
    void (*pack_panel)(const float *I_kh, const int32_t *ids, int64_t U, int64_t H, int64_t p, uint16_t *X);
    void (*pack_scaled)(const fsg_batch *batch, int64_t p, uint16_t *Xs);
    double (*exp_slice)(const fsg_batch *batch, const float *O_kh, int64_t s, const uint16_t *X,
                        void *scratch, uint16_t *E, int stream, int64_t *next_u, fsg_placed *placed,
                        float *S_u);
    void (*gradient_slice)(const fsg_batch *batch, const fsg_table *base, float *O_kh, int64_t s, uint16_t *E,
                           const uint16_t *Xs, void *scratch, fsg_placed *placed, float *gI_ph, int opens,
                           float *gO_kh, int first, const fsg_step *step);
    int64_t (*peak)(int64_t n); /* for benchmarks: n rounds in registers; returns the flops */
} fsg_bf16_table;

/* NULL where the build, the CPU or the system lacks it. */
const fsg_bf16_table *fsg_bf16_amx(void);
const fsg_bf16_table *fsg_bf16_avx512(void);

/* The i-th bfloat16 table, best first; NULL past the last. */
const fsg_bf16_table *fsg_bf16_available(int i);

/* The i-th table this CPU can run, best first; NULL past the last. */
const fsg_table *fsg_available(int i);

/* The whole number nearest to c / ln 2: a shift for logits about c. */
float fsg_whole_bits(float c);

/* Largest |x| by bit pattern, so NaN counts as larger than infinity. */
float fsg_abs_max(const float *x, int64_t n);

#endif
