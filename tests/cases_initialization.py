"""Stubs, wrong answers and right ones for the exercises of Part II; see `test_checks.CASES`."""

CASES: dict[str, tuple[tuple, list[tuple], tuple]] = {
    "variance.leaky_variance": (
        (lambda fan_in, slope: ...,),
        [
            (lambda fan_in, slope: 2 / fan_in,),
            (lambda fan_in, slope: 2 / (1 + slope) / fan_in,),
            (lambda fan_in, slope: (2 / (1 + slope**2) / fan_in) ** 0.5,),
            (lambda fan_in, slope: 1 / fan_in,),
        ],
        (lambda fan_in, slope: 2 / (1 + slope**2) / fan_in,),
    ),
    "variance.cut_at_one": ((...,), [(0.291,), (0.8796,), (0.68,)], (0.540,)),
    "variance.deepest": ((...,), [(19,), (39,), (40,), (7,)], (20,)),
}
