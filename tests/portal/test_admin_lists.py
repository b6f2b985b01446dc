"""Lists: empty and full, searched and filtered; a longer one costs no more queries."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from agents.admin.narrowing import ByName
from agents.models import AnomalyRule, Person
from tests.portal.pages import MODELS, fill, listing, page, queries

NAMED = {"agent": "analys", "owner": "olivi"}


@pytest.mark.parametrize("model", MODELS)
def test_a_list_says_what_would_fill_it(client: Client, ada: Person, model: str) -> None:
    client.force_login(ada)
    shown: Any = admin.site._registry[MODELS[model]]
    assert shown.empty_text
    if not MODELS[model]._default_manager.exists():
        assert "Nothing here yet" in page(client, listing(MODELS[model]))
    if shown.search_fields:
        text = page(client, listing(MODELS[model]) + "?q=does-not-exist")
        assert "Nothing fits this search" in text
        assert 'href="?"' in text


def test_longer_lists_cost_no_more_queries(client: Client, ada: Person, olivia: Person) -> None:
    client.force_login(ada)
    fill(olivia, 5)
    few = {model: queries(client, listing(rows)) for model, rows in MODELS.items()}
    fill(olivia, 45)
    # There is one anomaly rule of each kind, and never another.
    growing = [rows for rows in MODELS.values() if rows is not AnomalyRule]
    assert min(rows._default_manager.count() for rows in growing) >= 50
    assert {model: queries(client, listing(rows)) for model, rows in MODELS.items()} == few


@pytest.mark.parametrize("model", MODELS)
def test_every_filter_and_column_answers(client: Client, ada: Person, olivia: Person, model: str) -> None:
    fill(olivia, 1)
    client.force_login(ada)
    shown: Any = admin.site._registry[MODELS[model]]
    for column in range(1, len(shown.list_display) + 1):
        page(client, f"{listing(MODELS[model])}?o=-{column}")
    for chosen in shown.list_filter:
        if isinstance(chosen, type) and issubclass(chosen, admin.SimpleListFilter):
            for value, _words in chosen(
                client.get("/").wsgi_request, {}, MODELS[model], shown
            ).lookup_choices:
                query = {str(chosen.parameter_name): value}
                assert client.get(listing(MODELS[model]), query).status_code == 200, query
            continue
        field = chosen if isinstance(chosen, str) else chosen[0]
        if field is not chosen and chosen[1] is admin.EmptyFieldListFilter:
            assert client.get(listing(MODELS[model]), {f"{field}__isempty": "1"}).status_code == 200
            continue
        if field is not chosen and chosen[1] is ByName:
            for words, some in (("no-such-name", False), (NAMED[field], True)):
                answer = client.get(listing(MODELS[model]), {f"{field}__named": words})
                assert bool(answer.context["cl"].result_count) is some, (model, field, words)
        relation = MODELS[model]._meta.get_field(field).is_relation
        found = MODELS[model]._default_manager.exclude(**{field: None}).values_list(field, flat=True)[:1]
        for value in found:
            query = {f"{field}__id__exact" if relation else f"{field}__exact": value}
            assert client.get(listing(MODELS[model]), query).status_code == 200, query


@pytest.mark.parametrize(
    ("model", "words", "hits"),
    [
        ("agents.finding", "CVE-2021-44228", 1),
        ("agents.finding", "GHSA-1", 1),
        ("agents.finding", "log4j", 1),
        ("agents.finding", "CVE-1999-0001", 0),
        ("agents.agent", "Olivia", 1),
        ("agents.agent", "nobody", 0),
        ("agents.run", "registry.example", 1),
        ("agents.ticket", "1", 1),
        ("agents.report", "shop.json", 1),
        ("audits.event", "agent/one", 1),
        ("audits.event", "run/0", 1),
        ("audits.event", "nothing/like/this", 0),
    ],
)
def test_searches_find(
    client: Client, ada: Person, olivia: Person, *, model: str, words: str, hits: int
) -> None:
    fill(olivia, 1)
    client.force_login(ada)
    found = client.get(listing(MODELS[model]), {"q": words}).context["cl"].result_count
    assert found == hits
