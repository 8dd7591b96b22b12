"""Signals that stop a process, and SIGHUP, which does not."""

import os
import signal

from structlog.testing import capture_logs

from tests.support.processes import until
from worker.process.stop_signals import StopSignals, ignore_hangups


def test_each_stopping_signal_counts_and_the_handlers_are_restored() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopSignals() as signals:
        assert not signals.arrived(within=0)
        for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            os.kill(os.getpid(), sign)
        assert [signals.arrived(within=5) for _ in range(3)] == [True] * 3
        assert not signals.arrived(within=0)
        assert not signals.is_requested
        signals.request()
        assert signals.arrived(within=5)
        assert signals.is_requested
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_hangup_is_logged() -> None:
    before = signal.getsignal(signal.SIGHUP)
    ignore_hangups()
    try:
        with capture_logs() as logs:
            os.kill(os.getpid(), signal.SIGHUP)
            until(lambda: logs, within=10, what="it is logged")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert "SIGHUP is ignored" in logs[0]["event"]
