/* Random walks on a graph, of first order (DeepWalk: Perozzi, Al-Rfou and Skiena 2014) and of second order
 * (node2vec: Grover and Leskovec 2016). No allocation: the caller sizes the arrays.
 *
 * Every number a walk draws is a function of (seed, stream of the walk, step, attempt), so a walk is the same
 * whoever walks it. No sum here has a product among its terms, which some CPUs would fuse: a walk is the same
 * on all of them.
 */
#ifndef FASTSG_WALKS_H
#define FASTSG_WALKS_H

#include <stdint.h>

/* A graph in rows: the edges of node v are those from row_ptr[v] to row_ptr[v + 1]. The last three are NULL
 * where every edge weighs 1.
 *   neighbours   where each edge leads; rising in every row
 *   weights      above 0
 *   total_v      the weights of each row, added up
 *   place        alias tables (Walker 1977), one a row: as likely as any other place of its row, place e gives
 *                neighbours[e] if a random word is at most place[e].own, and else place[e].other */
typedef struct {
    uint32_t own;
    int32_t other;
} fsg_place;

typedef struct {
    int64_t nodes;
    const int64_t *row_ptr;
    const int32_t *neighbours;
    const float *weights;
    const double *total_v;
    const fsg_place *place;
} fsg_graph;

/* What the weight of an edge from v to x is divided by, for a walk that came to v from t: back (node2vec's p)
 * if x is t, 1 if there is an edge from t to x, far (node2vec's q) otherwise. */
typedef struct {
    double back, far;
} fsg_turn;

/* What fsg_check_graph finds. */
enum { FSG_GRAPH_OK, FSG_GRAPH_ROWS, FSG_GRAPH_RANGE, FSG_GRAPH_ORDER, FSG_GRAPH_WEIGHT };

/* The first thing wrong with a row of a graph, as a code; *at is the place in row_ptr (ROWS) or the edge.
 * `edges` is the number of places in neighbours, and in weights. */
int fsg_check_graph(const fsg_graph *graph, int64_t edges, int64_t *at);

/* Fills the alias table of one row of n >= 1 edges; returns their total weight. Scratch: scaled (n), order
 * (n). A probability is rounded to a multiple of 2^-32 / n. */
double fsg_alias_row(const int32_t *neighbours, const float *weights, int64_t n, fsg_place *place,
                     double *scaled, int32_t *order);

/* A walk of at most `length` nodes, beginning at start; it ends early at a node without edges. turn = NULL:
 * of first order. Returns the number of nodes written to walk, at least 1. */
int64_t fsg_walk(const fsg_graph *graph, const fsg_turn *turn, uint64_t seed, uint64_t stream, int32_t start,
                 int64_t length, int32_t *walk);

#endif
