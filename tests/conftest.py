"No test is skipped in silence: a skip whose reason is not one of these fails the run."
import pytest

import book

book.shared_folders()  # before a test module asks

EXPECTED = 'shared photos', 'Quarto', 'GPU', 'chromium', 'npm'  # what a machine may lack


def pytest_sessionfinish(session, exitstatus):
    tr = session.config.pluginmanager.get_plugin('terminalreporter')
    if not tr: return  # a worker of xdist: its skips are reported to the session that started it
    bad = [r for r in tr.stats.get('skipped', ()) if not any(o in str(r.longrepr) for o in EXPECTED)]
    for r in bad: tr.write_line(f'unexpected skip: {r.nodeid}: {r.longrepr}', red=True)
    if bad and exitstatus == 0: session.exitstatus = pytest.ExitCode.TESTS_FAILED
