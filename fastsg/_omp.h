/* The only file that names OpenMP: with it, its functions; without it, one thread. */
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
#endif
