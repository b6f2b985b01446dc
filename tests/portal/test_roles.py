"""What each role may see and ask for."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission

from portal import roles


def codenames(group: str) -> set[str]:
    permissions = Group.objects.get(name=group).permissions.select_related("content_type")
    return {f"{each.content_type.app_label}.{each.codename}" for each in permissions}


@pytest.mark.django_db
def test_a_migrated_portal_has_its_roles() -> None:
    names = set(Group.objects.values_list("name", flat=True))
    assert names == {"Owners", "Board", "Auditors", "Data protection"}


@pytest.mark.django_db
def test_auditors_see_everything_ask_for_bundles_and_keep_evidence() -> None:
    rooms = Permission.objects.filter(content_type__app_label__in=roles.ROOMS, codename__startswith="view_")
    everything = {f"{each.content_type.app_label}.{each.codename}" for each in rooms}
    may = {"audits.add_bundle", "audits.add_hold", "audits.add_case", "audits.change_case"}
    assert codenames("Auditors") == everything | may


@pytest.mark.django_db
def test_data_protection_lets_go_and_releases_and_sees_no_business() -> None:
    may = codenames("Data protection")
    assert {"audits.add_erasure", "audits.add_redaction", "audits.change_hold", "agents.view_person"} <= may
    assert not {name for name in may if name.startswith("governance.")}
    assert {name for name in may if name.startswith("agents.")} == {"agents.view_person"}
    wanted = {f"{room}.{name}" for room, names in roles.DATA_PROTECTION_MAY.items() for name in names}
    assert may == wanted


@pytest.mark.django_db
def test_the_board_only_looks_and_sees_no_credentials() -> None:
    seen = codenames("Board")
    assert {"governance.view_approval", "agents.view_agentversion", "audits.view_event"} <= seen
    assert "agents.view_credential" not in seen
    assert not {name for name in seen if ".view_" not in name}


@pytest.mark.django_db
def test_owners_see_their_work_and_ask() -> None:
    seen = codenames("Owners")
    may = {"governance.add_elevation", "agents.add_agent", "agents.add_agentdocument", "agents.add_report"}
    assert {name for name in seen if ".view_" not in name} == may
    assert not {name for name in seen if name.startswith("audits.")}


@pytest.mark.django_db
def test_every_named_permission_exists() -> None:
    wanted = {f"{room}.view_{model}" for room, models in roles.OWNERS_VIEW.items() for model in models}
    assert wanted <= codenames("Owners")


@pytest.mark.django_db
def test_installing_again_takes_back_what_was_added_by_hand() -> None:
    board = Group.objects.get(name="Board")
    board.permissions.add(Permission.objects.get(codename="delete_agent"))
    before = codenames("Auditors")
    roles.install(apps=apps)
    assert "agents.delete_agent" not in codenames("Board")
    assert codenames("Auditors") == before
