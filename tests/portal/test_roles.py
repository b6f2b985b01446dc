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
    assert names == {"Owners", "Board", "Auditors", "Data protection", "Stewards"}


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
def test_the_board_looks_and_signs_and_sees_no_credentials() -> None:
    seen = codenames("Board")
    assert {"governance.view_approval", "agents.view_agentversion", "audits.view_event"} <= seen
    assert "agents.view_credential" not in seen
    assert {name for name in seen if ".view_" not in name} == {
        "governance.add_containment",
        "governance.add_gatesignature",
    }


@pytest.mark.django_db
def test_stewards_see_what_the_board_sees_and_keep_what_agents_share() -> None:
    may = {"agents.add_tool", "agents.change_tool", "agents.add_thirdparty", "agents.change_thirdparty"}
    may |= {"governance.add_gatesignature", "agents.add_egresspolicy", "agents.change_egresspolicy"}
    may |= {"governance.add_containment", "governance.add_resource", "governance.change_resource"}
    may |= {"governance.add_agentrole", "governance.change_agentrole", "governance.add_roleassignment"}
    seen = {name for name in codenames("Board") if ".view_" in name}
    assert codenames("Stewards") == seen | may


@pytest.mark.django_db
def test_owners_see_their_work_and_ask() -> None:
    seen = codenames("Owners")
    may = {f"{room}.{codename}" for room, codenames in roles.OWNERS_MAY.items() for codename in codenames}
    assert may == {
        "governance.add_containment",
        "governance.add_elevation",
        "governance.add_breakglass",
        "governance.add_changerequest",
        "governance.add_gatesignature",
        "governance.add_impactassessment",
        "governance.add_riskassessment",
        "agents.add_agent",
        "agents.add_agentversion",
        "agents.add_agentdocument",
        "agents.add_agentinstance",
        "agents.add_dependency",
        "agents.add_report",
        "agents.add_versiontest",
    }
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
