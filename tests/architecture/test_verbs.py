"""Verbs: every change of rows asks a permission, is one transaction and leaves a line in the audit log.

Read from the source, so what a verb does through a method of a value is not seen: the tests of each verb see that.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from core.audit import Event
from tests.architecture.effects import ATOMIC, COMMITTING, OUTSIDE, RECORD, calls_in, effects, is_guarded, scopes
from tests.architecture.source import Module, Ref, called, dotted_name, function, is_call_of, is_within, modules

SERVICES = (
    "accounts.service",
    "authorities.service",
    "certificates.service",
    "stores.service",
    "notifications.service",
    "lifecycle.budgets",
    "lifecycle.checking",
    "lifecycle.discovery",
    "lifecycle.endpoints",
    "lifecycle.retiring",
    "lifecycle.revocation",
    "lifecycle.rotation",
    "lifecycle.sighting",
    "lifecycle.switching",
    "lifecycle.triage",
    "lifecycle.undoing",
)

# What hands the press of a button on to the verb of a kind.
HANDING_ON = "lifecycle.jobs.kinds"
# No verbs: who acts, and whether they may.
RULES = {"acting", "require_proof_of", "require_may_order", "require_may_replace"}
# Changes outside of a verb's transaction, by the function that makes them.
SINGLE_STATEMENTS = {
    "accounts.service.tokens.use_token": "when a token was last used, at most once a minute: no event, and nothing to undo",
}
# Verbs without `by`.
BY_NOBODY = {
    "certificates.service.renewing.ask_for_window": "background work, in the name of the system",
    "certificates.service.renewing.settle_moments": "background work: follows from what people have said",
    "lifecycle.checking.check_endpoint": "background work, in the name of the system",
    "lifecycle.discovery.sync": "the row says who asked, if somebody did",
    "lifecycle.discovery.sync_sources": "the timetable asks",
    "lifecycle.endpoints.find_endpoint_rotations": "background work: follows from what was replaced",
    "lifecycle.endpoints.rotate_endpoint": "background work, in the name of the system",
    "lifecycle.retiring.retire_replaced": "background work, in the name of the system",
    "lifecycle.revocation.check": "background work, in the name of the system",
    "lifecycle.rotation.reissue": "background work, in the name of the system",
    "lifecycle.rotation.reissue_due": "background work: follows from what policies say",
    "lifecycle.sighting.see": "background work: what a source showed, in the name of the system",
    "lifecycle.switching.set_switches": "background work: follows from what the site's settings say",
    "certificates.service.batches.carry_out_batch": "the batch says who acts",
    "certificates.service.deploying.deploy": "whoever attached the certificate was asked",
    "accounts.service.people.create_first_admin": "there is nobody yet",
    **dict.fromkeys(
        (
            "accounts.service.identity.check_password",
            "accounts.service.identity.logged_in",
            "accounts.service.logging_in.log_in",
            "accounts.service.single_sign_on.log_in_by_provider",
            "accounts.service.single_sign_on.refused_by_provider",
        ),
        "whoever logs in is not known before",
    ),
    **dict.fromkeys(
        (
            "accounts.service.logging_in.confirm",
            "accounts.service.second_factor.begin",
            "accounts.service.second_factor.check_code",
            "accounts.service.second_factor.finish",
            "accounts.service.second_factor.renew_recovery_codes",
        ),
        "the user is the one who acts",
    ),
    "accounts.service.tokens.log_in_token": "the user is the one who acts",
    "accounts.service.tokens.use_token": "the token says who acts",
    "certificates.service.importing.import_certificate": "hands everything on to upload",
    "certificates.service.issuance.fulfil": "the order says who acts",
    "certificates.service.reissue.reissue_certificate": "the seed's signature: `user` is the one who acts",
    "certificates.service.revoking.carry_out": "the revocation says who acts",
    "stores.service.scan": "the row says who asked",
    "notifications.service.notices.tell": "background work: what was written down is told in the name of the system",
    "certificates.service.issuance.mint": "the seed's signature: `creator` is the one who acts",
}
# Verbs that ask no permission themselves: parts of other verbs, which have asked.
ASKED_BEFORE = {
    "certificates.service.batches.begin_batch": "takes those rows to which the person may do it; each verb asks again",
    "accounts.service.roles.create_role": "whoever makes an authority makes its roles; people use add_role, which asks",
    "certificates.service.placing.create_certificate_roles": "whoever makes a certificate makes its owner's role",
}
# Transactions that leave no event of their own.
NO_EVENT = {
    "certificates.service.batches._is_ours": "nothing has happened yet",
    "certificates.service.batches._close": "what was done to the certificate has an event; batch.ended says the numbers",
    "authorities.challenges.publish": "an answer to a challenge; certificate.issued or order.failed will say the outcome",
    "authorities.challenges.withdraw": "the same answer, which nobody needs any more",
    "certificates.service.renewing._forget": "policy.updated has said why",
    "certificates.service.renewing._settle_some": "follows from what the certificate and its policy say",
    "certificates.service.renewing._rest": "nothing has happened",
    "certificates.service.renewing._put_off": "nothing has happened yet",
    "lifecycle.budgets.take": "certificate.ordered, right after it, says what was counted",
    "lifecycle.budgets._end": "what was held has been ordered meanwhile",
    "lifecycle.budgets._open": "nothing is counted yet",
    "lifecycle.discovery._arm": "nothing has happened yet; source.synced will say what was new",
    "lifecycle.discovery._give_up": "people see it on the page; it is begun anew",
    "lifecycle.endpoints._write_down": "nothing has happened yet; rotation.verified or rotation.failed will say what became of it",
    "lifecycle.rotation._put_off": "certificate.ordered or renewal.failed, right after it, says what became of it",
    "lifecycle.sighting._claim": "certificate.imported, right after it, says what was found",
    "lifecycle.sighting._keep": "certificate.imported has said it",
    "stores.service.ask_to_scan": "nothing has happened yet; source.scanned will say who asked",
    "stores.service._give_up": "whoever asked sees it on the page",
    "notifications.service.notices.raise_notice": "nobody has been told yet; notice.sent will say that somebody was",
    "notifications.service.notices.release": "the same",
    "accounts.service.attempts._count": "login.failed or login.succeeded, right after it, says what became of it",
    "accounts.service.attempts._forgive": "login.succeeded says it",
    "accounts.service.second_factor._begin": "nothing is asked for yet; second-factor.added will say that it is",
    "accounts.service.second_factor._take_code": "login.succeeded or login.failed says what became of it",
    "accounts.service.tokens.log_in_token": "log_in, before it, has recorded login.succeeded",
    "certificates.service.issuance._wait": "nothing has happened yet",
    "certificates.service.deploying._postpone": "nothing has happened yet",
}
# They record that a role was made, which says nothing about what it was made for.
ON_THE_SIDE = {"accounts.service.roles.create_role", "accounts.service.roles.ensure_owner_role"}
# Transactions that are no verb's.
OTHER_TRANSACTIONS = {
    "lemur_site.copying": "all of the other database at once, which nobody uses yet",
    "core.commits": "the one place",
    "web.rest.idempotency": "one transaction for the verb and the stored answer, with failpoints of its own",
    "lifecycle.moving.run": "a dry run: all of it, through all its transactions, and taken back",
    "lemur_site.demo": "all of the demo or nothing, through many verbs",
    "lemur_site.management.commands.up": "the same, with the roles of the demo",
}


def service_modules() -> Iterator[Module]:
    yield from (module for module in modules().values() if is_within(module.name, *SERVICES))


def verbs() -> set[Ref]:
    """What entry points, wiring and the list of all jobs use of the services, and what Python callers are offered."""
    found: set[Ref | None] = {function(f"certificates.service.{name}") for name in table_of_contents()}
    for module in modules().values():
        outside = module.is_entry_point or module.package == "lemur_site" or module.name == HANDING_ON
        if outside or module.kind in ("authentication", "signing_in"):
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Name | ast.Attribute):
                    found.add(function(dotted_name(module, node)))
    return {ref for ref in found if ref is not None and is_within(ref.module, *SERVICES)}


def table_of_contents() -> list[str]:
    for node in modules()["certificates.service"].tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    raise AssertionError("certificates.service has no __all__")


def changing() -> set[Ref]:
    """The verbs that change rows."""
    return {ref for ref in verbs() if any(effect.kind in ("writes", "records") for effect in effects(ref))}


def test_the_verbs_are_found() -> None:
    names = {str(ref) for ref in changing()}
    assert {
        "accounts.service.roles.set_roles",
        "authorities.service.update",
        "certificates.service.issuance.create",
    } <= names
    assert "certificates.service.query.get" not in names


def test_every_change_is_within_a_transaction_of_a_verb() -> None:
    outside = {
        f"{effect}, reached from {ref} outside of `committing`"
        for ref in verbs()
        for effect in effects(ref)
        if effect.kind in ("writes", "records") and not effect.guarded and str(effect.function) not in SINGLE_STATEMENTS
    }
    assert not outside, "\n".join(sorted(outside))


def test_every_transaction_of_a_verb_records_an_event() -> None:
    silent = [f"{at} {ref}" for at, ref, body in scopes() if str(ref) not in NO_EVENT and not records(ref, body)]
    assert not silent, "\n".join(silent)


def records(ref: Ref, body: list[ast.stmt], above: frozenset[Ref] = frozenset()) -> bool:
    """Itself, through private functions of its module, or through another verb that does all of it."""
    for name, callee in calls_in(ref, body):
        if name == RECORD:
            return True
        if callee is None or callee in above or str(callee) in ON_THE_SIDE:
            continue
        own = not callee.public and callee.module == ref.module
        if (own or is_guarded(callee)) and records(callee, callee.node.body, above | {ref}):
            return True
    return False


def test_every_verb_that_changes_rows_says_by_whom() -> None:
    nobody = {str(ref) for ref in changing() if "by" not in ref.parameters}
    assert nobody == set(BY_NOBODY)


def test_by_is_given_by_name() -> None:
    positional = [
        str(ref)
        for module in service_modules()
        for ref in (Ref(module.name, name) for name in module.functions)
        if "by" in {argument.arg for argument in (*ref.node.args.posonlyargs, *ref.node.args.args)}
        and ref.public
        and ref.function not in RULES
    ]
    assert not positional


def test_every_verb_that_changes_rows_asks_a_permission() -> None:
    careless = {
        str(ref)
        for ref in changing()
        if "by" in ref.parameters and not any(effect.kind == "asks" for effect in effects(ref))
    }
    assert careless == set(ASKED_BEFORE)


def test_nothing_outside_is_called_within_a_transaction() -> None:
    waiting = {
        f"{effect}, reached from {ref} within a transaction"
        for ref in verbs()
        for effect in effects(ref)
        if effect.kind == "outside" and effect.guarded
    }
    assert not waiting, "\n".join(sorted(waiting))


def test_other_transactions_are_savepoints_around_what_may_collide() -> None:
    bare = [
        module.at(node)
        for module in modules().values()
        if module.name not in OTHER_TRANSACTIONS
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute | ast.Name)
        and dotted_name(module, node) == ATOMIC
        and node not in savepoints(module)
    ]
    assert not bare, "\n".join(bare)
    unguarded = {
        f"{effect}, reached from {ref}"
        for ref in verbs()
        for effect in effects(ref)
        if effect.kind == "atomic" and not effect.guarded
    }
    assert not unguarded, "\n".join(sorted(unguarded))


def savepoints(module: Module) -> set[ast.AST]:
    """Each ``transaction.atomic`` of a ``try: with transaction.atomic(): … except IntegrityError``."""
    return {
        item.context_expr.func
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Try)
        and any(handler.type and "IntegrityError" in ast.unparse(handler.type) for handler in node.handlers)
        for inner in node.body
        if isinstance(inner, ast.With)
        for item in inner.items
        if isinstance(item.context_expr, ast.Call) and is_call_of(module, item.context_expr, ATOMIC)
    }


def test_failpoints_have_names_of_their_own() -> None:
    names: list[str] = []
    for module in modules().values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and called(module, node) in (COMMITTING, OUTSIDE):
                assert isinstance(node.args[0], ast.Constant), f"{module.at(node)}: write the name out"
                names.append(str(node.args[0].value))
    assert len(names) > 20
    assert [name for name, times in Counter(names).items() if times > 1] == []


def test_every_event_is_recorded_somewhere() -> None:
    used = {
        node.attr
        for module in modules().values()
        if module.name != "core.audit"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and dotted_name(module, node.value) == "core.audit.Event"
    }
    assert {event.name for event in Event} == used


def test_verbs_are_taken_from_the_table_of_contents() -> None:
    """Entry points call ``certificates.service.create``; what is no verb they may take from the modules behind it."""
    offered = {function(f"certificates.service.{name}") for name in table_of_contents()}
    hidden = {str(ref) for ref in changing() - offered if is_within(ref.module, "certificates.service")}
    assert not hidden
