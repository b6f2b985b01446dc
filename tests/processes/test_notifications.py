"""An installation whose settings name a mail server tells people by mail, once: settings, beat and worker."""

import time

from tests.agents.mail_server import FROM, MailServer, served
from tests.processes.installation import PATIENCE_SECONDS, Installation

ONE_MORE_TURN = 6


def test_a_served_installation_mails_what_it_tells(installation: Installation) -> None:
    server = MailServer()
    with served(server):
        installation.variables |= {
            "COUNTERSIGN_EMAIL_URL": f"smtp://127.0.0.1:{server.port}",
            "COUNTERSIGN_EMAIL_FROM": FROM,
            "COUNTERSIGN_PORTAL_URL": "https://portal.example.org",
        }
        done = installation.manage("demo")
        assert done.returncode == 0, done.stdout + done.stderr
        installation.serve()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "sasha@example.org" not in server.recipients and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(ONE_MORE_TURN)
        installation.stop()
    assert "sasha@example.org" in server.recipients, installation.logs()
    assert len({mail["Message-ID"] for mail in server.mails}) == len(server.mails)
    texts = "".join(mail.get_content() for mail in server.mails)
    assert "https://portal.example.org/admin/governance/approval/" in texts
