"""What a sample says about its population: upper deviation limits and sample sizes.

Pure arithmetic. The figures are those of the classical tables for tests of controls: one-sided limits,
binomial for large populations (Clopper and Pearson, Biometrika 26, 1934) and hypergeometric for finite
ones. Confidence and rates are fractions (0.9 for 90%).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, comb, exp, log, log1p

_BISECTIONS = 64
_NEGLIGIBLE = 1e-18


def upper_limit(tested: int, deviations: int, confidence: float) -> float:
    """The highest deviation rate still consistent with `deviations` among `tested`, one-sided.

    Exact in the sense of Clopper and Pearson: the rate p at which so few deviations or fewer would be seen
    with probability 1 - confidence, P(X <= deviations | tested, p). With nothing tested it is 1.0.
    Raises ValueError for impossible counts or a confidence outside ]0, 1[.
    """
    _check_counts(tested, deviations)
    risk = float(_risk(confidence))
    if deviations == tested:
        return 1.0
    low, high = deviations / tested, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if _binomial_cdf(tested, deviations, middle) > risk:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def finite_upper_limit(population: int, tested: int, deviations: int, confidence: float) -> int:
    """The largest number of deviations in the whole population still consistent with the sample.

    Hypergeometric, in whole numbers throughout: the largest D with P(X <= deviations) > 1 - confidence when
    `tested` items are drawn without replacement from `population` items of which D deviate. A census leaves
    no doubt, its limit is `deviations` itself. Raises ValueError for impossible counts.
    """
    _check_counts(tested, deviations)
    if tested > population:
        raise ValueError(f"{tested} tested of a population of {population}")
    risk = _risk(confidence)
    low, high = deviations, population - (tested - deviations)
    while low < high:
        middle = (low + high + 1) // 2
        if _hypergeometric_cdf(population, middle, tested, deviations) > risk:
            low = middle
        else:
            high = middle - 1
    return low


def zero_deviation_size(confidence: float, tolerable: float) -> int:
    """Items to test without a deviation so that the rate is below `tolerable` with this confidence.

    The smallest n with (1 - tolerable)^n <= 1 - confidence: 22 for 90% and 10%, 59 for 95% and 5%.
    """
    risk, rate = _risk(confidence), _rate(tolerable)
    size, chance = 0, Fraction(1)
    while chance > risk:
        size += 1
        chance *= 1 - rate
    return size


def finite_zero_deviation_size(population: int, confidence: float, tolerable: float) -> int:
    """The same for a finite population, where every item tested leaves fewer in doubt.

    The deviations to be found are the tolerable share of the population, rounded up to whole items; the
    answer is the smallest sample that would miss them all with probability 1 - confidence at most. Zero for
    an empty population.
    """
    if population < 0:
        raise ValueError("a population cannot be negative")
    risk, rate = _risk(confidence), _rate(tolerable)
    deviating = ceil(population * rate)
    low, high = 0, population
    while low < high:
        size = (low + high) // 2
        if Fraction(comb(population - deviating, size), comb(population, size)) <= risk:
            high = size
        else:
            low = size + 1
    return low


@dataclass(frozen=True)
class Figures:
    """What so many deviations among the items tested mean for the population (domain 3.3)."""

    deviations: int
    expected: bool
    upper_90: float
    upper_95: float
    at_most_90: int
    at_most_95: int


def figures(population: int, tested: int, *, expected: int = 0, most: int = 3) -> list[Figures]:
    """The limits for no deviation, for one, and so on to `most` or one more than was expected.

    Rates are binomial, for a population without end; counts hypergeometric, for this one. Raises ValueError for
    impossible counts.
    """
    last = min(max(most, expected + 1), tested)
    return [
        Figures(
            deviations=count,
            expected=count == expected,
            upper_90=upper_limit(tested, count, 0.90),
            upper_95=upper_limit(tested, count, 0.95),
            at_most_90=finite_upper_limit(population, tested, count, 0.90),
            at_most_95=finite_upper_limit(population, tested, count, 0.95),
        )
        for count in range(last + 1)
    ]


def _binomial_cdf(tested: int, deviations: int, rate: float) -> float:
    """P(X <= deviations) for a rate at or above deviations/tested, where the last term is the largest.

    The last term is built from the exact binomial coefficient, the others from it by their ratios, so that
    nothing under- or overflows however many items were tested.
    """
    if rate >= 1.0:
        return 0.0
    if rate <= 0.0:
        return 1.0
    term = exp(log(comb(tested, deviations)) + deviations * log(rate) + (tested - deviations) * log1p(-rate))
    total = term
    odds = (1 - rate) / rate
    for count in range(deviations, 0, -1):
        term *= count / (tested - count + 1) * odds
        total += term
        if term < total * _NEGLIGIBLE:
            break
    return total


def _hypergeometric_cdf(population: int, deviating: int, tested: int, deviations: int) -> Fraction:
    """P(X <= deviations) among `tested` of `population` with `deviating`; each term exact from the last."""
    sound = population - deviating
    count = max(0, tested - sound)
    if count > deviations:
        return Fraction(0)
    ways = comb(deviating, count) * comb(sound, tested - count)
    total = ways
    while count < min(deviations, deviating):
        ways = ways * (deviating - count) * (tested - count) // ((count + 1) * (sound - tested + count + 1))
        count += 1
        total += ways
    return Fraction(total, comb(population, tested))


def _check_counts(tested: int, deviations: int) -> None:
    if not 0 <= deviations <= tested:
        raise ValueError(f"{deviations} deviations among {tested} tested")


def _risk(confidence: float) -> Fraction:
    """1 - confidence as it is written, so that 0.9 leaves exactly one tenth."""
    risk = 1 - Fraction(str(confidence))
    if not 0 < risk < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    return risk


def _rate(tolerable: float) -> Fraction:
    rate = Fraction(str(tolerable))
    if not 0 < rate < 1:
        raise ValueError(f"the tolerable rate must lie between 0 and 1, not {tolerable}")
    return rate
