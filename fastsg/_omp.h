/* The only file that names OpenMP: with it, its functions; without it, one thread. And how threads share work. */
#ifndef FASTSG_OMP_H
#define FASTSG_OMP_H
#ifdef _OPENMP
  #include <omp.h>
  #define FSG_OPENMP _OPENMP
static inline int fsg_omp_thread(void) { return omp_get_thread_num(); }
#else
  #define FSG_OPENMP 0
static inline int fsg_omp_thread(void) { return 0; }
#endif

/* Whether this thread is the first to claim what the flag is of. What others wrote before, the end of a parallel
 * region makes visible, so no order is needed here. Most flags are found taken, which a load alone tells. */
static inline int fsg_claim(int *claimed)
{
    return !__atomic_load_n(claimed, __ATOMIC_RELAXED) && !__atomic_exchange_n(claimed, 1, __ATOMIC_RELAXED);
}

/* A forked child has no threads but believes it has those of its parent, and waits for them for ever. Where
 * setup.py finds that it links, it sets FSG_OMP_PAUSE: the parent ends its threads before the fork. Elsewhere
 * the child must make do with one thread. */
#if !defined(_OPENMP)
  #define FSG_FORKS 1
static inline void fsg_omp_pause(void) {}
#elif defined(FSG_OMP_PAUSE)
  #define FSG_FORKS 1
static inline void fsg_omp_pause(void) { omp_pause_resource_all(omp_pause_hard); }
#else
  #define FSG_FORKS 0
static inline void fsg_omp_pause(void) {}
#endif
#endif
