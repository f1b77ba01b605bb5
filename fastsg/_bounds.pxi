# Whether a step stays within the range of float32, known before anything is written.

cdef double LARGEST = 1e37  # gradients, Adagrad sums and matrices stay below; float32 ends at 3.4e38
cdef double SMALLEST_ROOT = 3e-23  # square root of the smallest Adagrad sum above 0, rounded down


def abs_max(array) -> float:
    """Largest absolute value of a float32 array; NaN counts as larger than infinity."""
    cdef const float[::1] flat = array.reshape(-1)
    cdef float top = 0
    if flat.shape[0]:
        with nogil:
            top = fsg_abs_max(&flat[0], flat.shape[0])
    return top


cdef class Bounds:
    """What no absolute value in I, O and the sums of Adagrad exceeds.

    Every step raises the bounds by what it can move at most. Only when they no longer suffice are the
    matrices read again. Whoever changes a matrix in another way calls :meth:`invalidate`.
    """

    cdef double bound_I, bound_O, bound_sum_I, bound_sum_O
    cdef double length_I  # what no row of I is longer than
    cdef double gradient  # what no gradient of the step tried last exceeds

    cdef void invalidate(self) noexcept:
        self.bound_I = self.length_I = self.bound_O = self.bound_sum_I = self.bound_sum_O = INFINITY

    cdef void check_step(self, const float[:, ::1] I_kh, const float[:, ::1] O_kh, double weight,
                         double heaviest, const fsg_step *step, adagrad_I, Passes passes) except *:
        """DivergenceError if a step could leave the range of float32. weight: of the batch; heaviest: of a
        row; passes: over the rows of O that this process has."""
        if self.admit(weight, heaviest, step, O_kh.shape[1]):
            return
        cdef int64_t first = passes.first_row, stop = passes.stop_row
        self.bound_I, tops = abs_max(np.asarray(I_kh)), np.array([abs_max(np.asarray(O_kh)[first:stop]), 0.0])
        if step.adagrad_k != NULL:
            self.bound_sum_I = abs_max(adagrad_I)
            tops[1] = fsg_abs_max(step.adagrad_k + first, stop - first)
        self.bound_O, self.bound_sum_O = passes.largest(tops)
        self.length_I = sqrt(<double>I_kh.shape[1]) * self.bound_I
        if not self.admit(weight, heaviest, step, O_kh.shape[1]):
            raise DivergenceError(f"a step of rate {step.rate:g} would leave the range of float32: "
                                  f"values up to {self.bound_I:g} in I and {self.bound_O:g} in O, "
                                  f"gradients up to {self.gradient:g}")

    cdef bint admit(self, double weight, double heaviest, const fsg_step *step, int64_t H) noexcept:
        """Whether the bounds show that a step stays in range; if so, they rise by it.

        |gO| <= sum_u n_u max|I| and |gI| <= n_u max|O|, since |P - N/n| <= 1. On the way to them the passes
        hold sums up to 2 Z_u max|O| and rows n_u / Z_u I_u. An Adagrad step is at most rate * sqrt(H), its
        factor at most rate / SMALLEST_ROOT.
        """
        cdef double rate = abs(step.rate), factor = rate, sum_I = self.bound_sum_I, sum_O = self.bound_sum_O
        cdef double gradient_I = 2 * heaviest * self.bound_O, gradient_O = 2 * weight * self.bound_I
        cdef double way = max(2 * FSG_SUM_MAX * self.bound_O, heaviest / FSG_SUM_MIN * self.bound_I)
        cdef double step_I = rate * gradient_I, step_O = rate * gradient_O
        self.gradient = max(gradient_I, gradient_O)
        if step.adagrad_k != NULL:
            step_I = step_O = rate * sqrt(<double>H) * 1.01
            factor = rate / SMALLEST_ROOT
            sum_I += gradient_I * gradient_I * H  # the sum of squares, before the mean is taken
            sum_O += gradient_O * gradient_O * H
            if not (sum_I < LARGEST and sum_O < LARGEST):
                return False
        # each on its own, so that a NaN fails
        if not (self.bound_I + step_I < LARGEST and self.bound_O + step_O < LARGEST and way < LARGEST
                and factor < LARGEST and gradient_I < LARGEST and gradient_O < LARGEST):
            return False
        self.bound_I += step_I
        self.length_I += sqrt(<double>H) * step_I
        self.bound_O += step_O
        self.bound_sum_I, self.bound_sum_O = sum_I, sum_O
        return True

    cdef void newton_step(self, double rate) noexcept:
        """Raise the bounds of I by the limit of a Newton step: half a row's length and 0.3."""
        cdef double step = 1.01 * rate * (0.5 * self.length_I + 0.3)
        self.bound_I += step
        self.length_I += step
        self.bound_I = min(self.bound_I, self.length_I)  # as no value exceeds the length of its row
