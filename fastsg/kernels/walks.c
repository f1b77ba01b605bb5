/* See walks.h for what each function promises. */
#include "walks.h"

#include "random.h"

#include <math.h>
#include <stddef.h>

/* Most attempts at a step of second order, so that the numbers of one step stay apart from the next one's. */
#define MOST_ATTEMPTS ((int64_t)1 << 30)

int fsg_check_graph(const fsg_graph *graph, int64_t edges, int64_t *at)
{
    const int64_t *row_ptr = graph->row_ptr, nodes = graph->nodes;
    for (int64_t v = 0; v <= nodes; v++) {
        *at = v;
        if (row_ptr[v] < (v ? row_ptr[v - 1] : 0) || row_ptr[v] > edges) return FSG_GRAPH_ROWS;
        if ((v == 0 && row_ptr[v] != 0) || (v == nodes && row_ptr[v] != edges)) return FSG_GRAPH_ROWS;
    }
    for (int64_t v = 0; v < nodes; v++) {
        for (int64_t e = row_ptr[v]; e < row_ptr[v + 1]; e++) {
            *at = e;
            if (graph->neighbours[e] < 0 || graph->neighbours[e] >= nodes) return FSG_GRAPH_RANGE;
            if (e > row_ptr[v] && graph->neighbours[e] <= graph->neighbours[e - 1]) return FSG_GRAPH_ORDER;
            if (graph->weights && !(graph->weights[e] > 0 && graph->weights[e] < INFINITY))
                return FSG_GRAPH_WEIGHT;
        }
    }
    return FSG_GRAPH_OK;
}

/* ---- first order ---- */

/* A probability, as the largest of the words that stand for it; at least one word does. */
static uint32_t as_word(double probability)
{
    const double words = probability * 0x1p32;
    return words >= 0x1p32 ? 0xFFFFFFFFu : words < 1 ? 0 : (uint32_t)words - 1;
}

double fsg_alias_row(const int32_t *neighbours, const float *weights, int64_t n, fsg_place *place,
                     double *scaled, int32_t *order)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++) total += weights[i];
    /* 1. Weights with a mean of 1; those below it from the front of the order, the others from its back. */
    const double mean = total / (double)n;
    int64_t small = 0, large = n;
    for (int64_t i = 0; i < n; i++) {
        scaled[i] = weights[i] / mean;
        if (scaled[i] < 1) order[small++] = (int32_t)i;
        else order[--large] = (int32_t)i;
    }
    /* 2. Each place below 1 is filled up by a large one, which may thereby become small (Vose 1991). */
    for (int64_t next = 0; next < small && large < n; next++) {
        const int32_t less = order[next], more = order[large];
        place[less] = (fsg_place){as_word(scaled[less]), neighbours[more]};
        scaled[more] -= 1 - scaled[less];
        if (scaled[more] < 1) large++, order[small++] = more;
        order[next] = -1;
    }
    /* 3. What is left would be 1 but for rounding. */
    for (int64_t i = 0; i < n; i++)
        if (order[i] >= 0) place[order[i]] = (fsg_place){0xFFFFFFFFu, neighbours[order[i]]};
    return total;
}

/* floor(n word / 2^64), for the 64-bit word (high, low). */
static int64_t below(int64_t n, uint32_t high, uint32_t low)
{
    return (int64_t)(((uint64_t)n * high + (((uint64_t)n * low) >> 32)) >> 32);
}

/* A neighbour of v by weight, from three words. */
static int32_t first_order(const fsg_graph *graph, int32_t v, const uint32_t words[3])
{
    const int64_t first = graph->row_ptr[v], n = graph->row_ptr[v + 1] - first;
    const int64_t e = first + below(n, words[0], words[1]);
    return !graph->place || words[2] <= graph->place[e].own ? graph->neighbours[e] : graph->place[e].other;
}

/* ---- second order ---- */

/* The edge from v to x, or -1. */
static int64_t edge(const fsg_graph *graph, int32_t v, int32_t x)
{
    const int64_t first = graph->row_ptr[v];
    const int32_t *row = graph->neighbours + first;
    int64_t n = graph->row_ptr[v + 1] - first, at = 0;
    if (n == 0) return -1;
    while (n > 1) { /* no branch depends on what is read */
        const int64_t half = n / 2;
        at += row[at + half] <= x ? half : 0;
        n -= half;
    }
    return row[at] == x ? first + at : -1;
}

static double weight(const fsg_graph *graph, int64_t e) { return graph->weights ? graph->weights[e] : 1.0; }

/* A number of [0, 1) from 53 bits of two words. */
static double fraction(uint32_t high, uint32_t low)
{
    return (double)((((uint64_t)high << 32) | low) >> 11) * 0x1p-53;
}

/* What the weight of the edge to x is divided by, for a walk that came from t. */
static double divisor(const fsg_graph *graph, const fsg_turn *turn, int32_t t, int32_t x)
{
    return x == t ? turn->back : edge(graph, t, x) >= 0 ? 1.0 : turn->far;
}

/* The next node by adding up all of the row of v, for u in [0, 1). */
static int32_t by_adding_up(const fsg_graph *graph, const fsg_turn *turn, int32_t t, int32_t v, double u)
{
    const int64_t first = graph->row_ptr[v], last = graph->row_ptr[v + 1] - 1;
    double total = 0, sum = 0;
    for (int64_t e = first; e <= last; e++)
        total += weight(graph, e) / divisor(graph, turn, t, graph->neighbours[e]);
    const double goal = u * total;
    for (int64_t e = first; e < last; e++) {
        sum += weight(graph, e) / divisor(graph, turn, t, graph->neighbours[e]);
        if (goal < sum) return graph->neighbours[e];
    }
    return graph->neighbours[last];
}

/* The chance that a step goes back at once. Where going back is likelier than anything else (p is least),
 * what it has above the others is a lot of its own: it would lower every other chance of being accepted. */
static double at_once(const fsg_graph *graph, const fsg_turn *turn, double least, int32_t t, int32_t v)
{
    if (turn->back >= least) return 0;
    const int64_t e = edge(graph, v, t);
    if (e < 0) return 0; /* a one-way street */
    const int64_t n = graph->row_ptr[v + 1] - graph->row_ptr[v];
    const double all = (graph->weights ? graph->total_v[v] : (double)n) / least;
    const double excess = (1 / turn->back - 1 / least) * weight(graph, e);
    return 1 / (1 + all / excess);
}

/* A step from v, of a walk that came from t. A neighbour is proposed by its weight and accepted with the
 * chance least / divisor, where least is the least divisor of all (rejection sampling, as in KnightKing: Yang
 * et al. 2019). Failed attempts say nothing about the next, so the row can be added up instead at any time:
 * after as many attempts as that would have cost. */
static int32_t second_order(const fsg_graph *graph, const fsg_turn *turn, uint64_t seed, uint64_t stream,
                            int64_t step, int32_t t, int32_t v)
{
    const int64_t n = graph->row_ptr[v + 1] - graph->row_ptr[v];
    if (n == 1) return graph->neighbours[graph->row_ptr[v]];
    const double least = turn->far < 1 ? turn->far : 1, largest = turn->far > 1 ? turn->far : 1;
    const double most = turn->back > largest ? turn->back : largest, back = at_once(graph, turn, least, t, v);
    uint32_t words[4], coins[4];
    const int64_t attempts = 2 * n < MOST_ATTEMPTS ? 2 * n : MOST_ATTEMPTS;
    uint64_t block = (uint64_t)step << 32;
    for (int64_t attempt = 0; attempt < attempts; attempt++, block += 2) {
        fsg_random_block(seed, stream, block, words);
        fsg_random_block(seed, stream, block + 1, coins);
        if (back > 0 && fraction(coins[2], coins[3]) < back) return t;
        const int32_t x = first_order(graph, v, words);
        const double u = fraction(coins[0], coins[1]);
        if (u < least / most) return x; /* accepted whatever x is: no edge need be looked for */
        const double divided = divisor(graph, turn, t, x);
        if (u < least / (divided < least ? least : divided)) return x;
    }
    fsg_random_block(seed, stream, block, words);
    return by_adding_up(graph, turn, t, v, fraction(words[0], words[1]));
}

int64_t fsg_walk(const fsg_graph *graph, const fsg_turn *turn, uint64_t seed, uint64_t stream, int32_t start,
                 int64_t length, int32_t *walk)
{
    int64_t n = 1;
    walk[0] = start;
    for (; n < length; n++) {
        const int32_t v = walk[n - 1];
        if (graph->row_ptr[v] == graph->row_ptr[v + 1]) break;
        if (turn && n > 1) {
            walk[n] = second_order(graph, turn, seed, stream, n, walk[n - 2], v);
        } else {
            uint32_t words[4];
            fsg_random_block(seed, stream, (uint64_t)n << 32, words);
            walk[n] = first_order(graph, v, words);
        }
    }
    return n;
}
