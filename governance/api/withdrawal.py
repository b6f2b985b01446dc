"""Taking a request back before anybody has decided it (S1-2). It opens nothing: the agent stays as it was."""

from django.db.models import QuerySet

from agents.api.agent import ReasonGiven
from audits.api.base import Given, Verb
from governance.api.approval import WholeApproval
from governance.models import Approval
from governance.services.approvals import withdraw


class Withdrawal(Verb[Approval]):
    """Takes a pending request back, undecided: by the chair of the board, or by those who asked."""

    title = "Withdraw a request"
    permission, shown, given = "governance.view_approval", WholeApproval, ReasonGiven

    def rows(self) -> QuerySet[Approval]:
        return Approval.objects.select_related("agent", "requested_by").prefetch_related("votes__person")

    def perform(self, row: Approval, given: Given) -> Approval:
        withdraw(actor=self.person, approval=row, reason=given["reason"])
        return self.rows().get(pk=row.pk)
