"""Counting votes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.choices import ApprovalState, Discipline, VoteChoice
from governance.quorum import Ballot, Rule, count

DISCIPLINES = list(Discipline.values)
BOARD = Rule(seats=tuple(DISCIPLINES), quorum=5, veto=True)

rules = st.builds(
    Rule,
    seats=st.lists(st.sampled_from(DISCIPLINES), unique=True).map(tuple),
    quorum=st.integers(1, 5),
    veto=st.booleans(),
)
ballots = st.lists(
    st.tuples(st.sampled_from(DISCIPLINES), st.sampled_from(list(VoteChoice.values))),
    unique_by=lambda pair: pair[0],
).map(lambda pairs: [Ballot(f"person-{seat}", seat, choice) for seat, choice in pairs])


def approvals(*disciplines: str) -> list[Ballot]:
    return [Ballot(f"person-{seat}", seat, VoteChoice.APPROVE) for seat in disciplines]


def test_four_of_five_seats_are_not_enough() -> None:
    tally = count(BOARD, approvals(*DISCIPLINES[:4]))
    assert tally.state == ApprovalState.PENDING
    assert tally.missing_people == 1
    assert tally.missing_seats == (DISCIPLINES[4],)


def test_five_of_five_are() -> None:
    assert count(BOARD, approvals(*DISCIPLINES)).state == ApprovalState.APPROVED


def test_one_person_in_two_seats_counts_once() -> None:
    twice = [Ballot("sasha", "security", VoteChoice.APPROVE), Ballot("sasha", "legal", VoteChoice.APPROVE)]
    tally = count(Rule(seats=("security",), quorum=2, veto=True), twice)
    assert tally.state == ApprovalState.PENDING
    assert tally.approvals == 1


def test_quorum_without_the_required_seat_is_not_enough() -> None:
    tally = count(Rule(seats=("security",), quorum=2, veto=True), approvals("legal", "product"))
    assert tally.state == ApprovalState.PENDING
    assert tally.missing_seats == ("security",)


def test_what_can_no_longer_succeed_is_rejected() -> None:
    rule = Rule(seats=(), quorum=5, veto=False)
    tally = count(rule, [*approvals("legal"), Ballot("sasha", "security", VoteChoice.ABSTAIN)])
    assert tally.state == ApprovalState.REJECTED
    assert tally.reason == "4 more approvals are needed and only 3 seats have not voted."


def test_a_rejection_in_a_seat_that_is_not_required_only_takes_its_vote_away() -> None:
    rule = Rule(seats=("security",), quorum=2, veto=True)
    tally = count(rule, [Ballot("leo", "legal", VoteChoice.REJECT), *approvals("security", "product")])
    assert tally.state == ApprovalState.APPROVED


@given(rules, ballots)
def test_approved_means_enough_people_and_every_required_seat(rule: Rule, cast: list[Ballot]) -> None:
    approving = [ballot for ballot in cast if ballot.choice == VoteChoice.APPROVE]
    enough = len(approving) >= rule.quorum
    seated = set(rule.seats) <= {ballot.discipline for ballot in approving}
    assert (count(rule, cast).state == ApprovalState.APPROVED) == (enough and seated)


@given(rules, ballots)
def test_rejected_means_that_no_further_votes_could_save_it(rule: Rule, cast: list[Ballot]) -> None:
    free = [seat for seat in DISCIPLINES if seat not in {ballot.discipline for ballot in cast}]
    best = count(rule, [*cast, *approvals(*free)])
    if (ended := count(rule, cast).state) in {ApprovalState.REJECTED, ApprovalState.CHANGES_REQUESTED}:
        assert best.state in {ApprovalState.REJECTED, ended}
    else:
        assert best.state == ApprovalState.APPROVED


@given(rules, rules)
def test_the_strictest_of_two_rules_satisfies_both(one: Rule, other: Rule) -> None:
    both = one.strictest(other)
    assert set(both.seats) == {*one.seats, *other.seats}
    assert both.quorum == max(one.quorum, other.quorum)


@given(rules)
def test_a_rule_is_read_as_it_was_frozen(rule: Rule) -> None:
    assert Rule.read(rule.frozen()).frozen() == rule.frozen()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"seats": "security", "quorum": 1, "veto": True},
        {"seats": ["kitchen"], "quorum": 1, "veto": True},
        {"seats": [], "quorum": 0, "veto": True},
        {"seats": [], "quorum": True, "veto": True},
        {"seats": [], "quorum": 6, "veto": True},
        {"seats": [], "quorum": 1, "veto": "no"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Rule.read(data)


def test_changes_asked_for_in_a_required_seat_end_it() -> None:
    tally = count(BOARD, [*approvals("security"), Ballot("leo", "legal", VoteChoice.REQUEST_CHANGES)])
    assert tally.state == ApprovalState.CHANGES_REQUESTED
    assert "Legal" in tally.reason


def test_changes_asked_for_in_another_seat_only_take_its_vote_away() -> None:
    rule = Rule(seats=("security",), quorum=2, veto=True)
    asks = Ballot("leo", "legal", VoteChoice.REQUEST_CHANGES)
    assert count(rule, [asks]).state == ApprovalState.PENDING
    assert count(rule, [asks, *approvals("security", "product")]).state == ApprovalState.APPROVED


def test_a_rejection_comes_before_changes_that_were_asked_for() -> None:
    both = [Ballot("a", "legal", VoteChoice.REQUEST_CHANGES), Ballot("b", "security", VoteChoice.REJECT)]
    assert count(BOARD, both).state == ApprovalState.REJECTED


def test_a_required_seat_that_abstains_ends_it_and_the_reason_says_what_to_do() -> None:
    tally = count(BOARD, [Ballot("leo", "legal", VoteChoice.ABSTAIN)])
    assert tally.state == ApprovalState.REJECTED
    assert "Legal abstained" in tally.reason
    assert "submit again" in tally.reason
