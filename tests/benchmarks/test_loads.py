"""What wrk prints."""

import pytest

from benchmarks.loads import answers_in

OUTPUT = """\
Running 1s test @ http://127.0.0.1:1/
  1 threads and 16 connections
  {requests} requests in {time}, 4.09MB read
{failures}Requests/sec:    632.65
"""


@pytest.mark.parametrize(
    ("time", "seconds"), [("1.05s", 1.05), ("950.00ms", 0.95), ("1.50m", 90.0)]
)
def test_answers_are_counted(time: str, seconds: float) -> None:
    """The output has the number of answers and the time that they took, in different units."""
    output = OUTPUT.format(requests=634, time=time, failures="")

    answered, took = answers_in(output)

    assert answered == 634
    assert took == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("requests", "failures"),
    [
        pytest.param(9, "  Non-2xx or 3xx responses: 9\n", id="error answers"),
        pytest.param(9, "  Socket errors: connect 0, read 1, write 0, timeout 0\n", id="errors"),
        pytest.param(0, "", id="no answer"),
    ],
)
def test_failures_are_not_counted(requests: int, failures: str) -> None:
    """A rate of anything but good answers is none."""
    output = OUTPUT.format(requests=requests, time="1.00s", failures=failures)

    with pytest.raises(RuntimeError):
        answers_in(output)
