"""The Beta distribution, as far as trust needs it: its distribution function and the inverse.

Lentz's continued fraction for the regularised incomplete beta function (Numerical Recipes, 3rd edition, §6.4; DLMF 8.17).
Parameters are evidence plus one, so they are at least 1 here; the functions take any positive ones.
"""

import math

_TINY = 1e-300
_CONVERGED = 1e-13
_MAX_TERMS = 100_000  # about the square root of the larger parameter is needed


def cdf(x: float, a: float, b: float) -> float:
    """P(X ≤ x) for X ~ Beta(a, b), within 1e-10. `a`, `b` > 0; x outside 0–1 is 0 or 1."""
    if not (a > 0 and b > 0):
        raise ValueError(f"Beta({a}, {b}) does not exist")
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    # The fraction converges quickly below the mean only; above it, the other tail is computed.
    if x < (a + 1.0) / (a + b + 2.0):
        return math.exp(_log_front(x, a, b)) * _fraction(x, a, b) / a
    return 1.0 - math.exp(_log_front(x, a, b)) * _fraction(1.0 - x, b, a) / b


def inverse(p: float, a: float, b: float) -> float:
    """The x with `cdf(x, a, b)` = p: the value that X stays below with probability p. 0 ≤ p ≤ 1."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"{p} is no probability")
    if p in (0.0, 1.0):
        return p
    low, high, x, moved = 0.0, 1.0, a / (a + b), 1.0
    for _ in range(200):
        error = cdf(x, a, b) - p
        if error == 0.0:
            return x
        low, high = (x, high) if error < 0.0 else (low, x)
        # Newton's step while it stays inside what is known and halves the last one; else the middle.
        slope = math.exp(_log_front(x, a, b)) / (x * (1.0 - x))
        following = x - error / slope if slope > 0.0 else -1.0
        if not low < following < high or abs(following - x) > moved / 2.0:
            following = (low + high) / 2.0
        moved, x = abs(following - x), following
        if moved < 1e-15 or high - low < 1e-15:
            return x
    return x


def _log_front(x: float, a: float, b: float) -> float:
    """ln of xᵃ (1 − x)ᵇ / B(a, b)."""
    return math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function by the modified method of Lentz."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    total = d
    for m in range(1, _MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = 1.0 + term / c
            c = c if abs(c) > _TINY else _TINY
            change = c * d
            total *= change
        if abs(change - 1.0) < _CONVERGED:
            return total
    raise ArithmeticError(f"the continued fraction of Beta({a}, {b}) at {x} does not converge")
