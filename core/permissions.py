"""Who may do what, said once.

A :class:`Permissions` answers one question with one kind of answer: *which rows* of a model may this user do this to,
as a ``Q``. Lists filter by it, services insist on it, and ``user.has_perm`` (hence admin and templates) asks it too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar

from django.conf import settings
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from core.errors import Forbidden
from core.forms import RowsField

EVERYTHING = Q()
NOTHING = Q(pk__in=[])

Condition = Callable[[Any], Q]


@dataclass(frozen=True)
class Rule:
    """A condition for one action, and whether the action writes: read-only people and keys never may."""

    condition: Condition
    writes: bool = True
    administrators: bool = True

    @property
    def words(self) -> str:
        """Who may, for people to read: what the condition says of itself, and what this class adds to it."""
        told = [(self.condition.__doc__ or "").partition("\n\n")[0]]
        if self.administrators and not told[0].startswith(("Administrators", "Everybody")):
            told.append("Administrators, too.")
        if self.writes:
            told.append("Nobody who only reads.")
        return " ".join(told)


def members(user: Any) -> Q:
    """Everybody who is logged in."""
    return EVERYTHING


def nobody(user: Any) -> Q:
    """Administrators."""
    return NOTHING


def readers(condition: Condition) -> Rule:
    """An action that changes nothing."""
    return Rule(condition, writes=False)


def writers(condition: Condition) -> Rule:
    """An action that changes something: in strict mode only administrators and operators may at all."""

    @wraps(condition)
    def strict(user: Any) -> Q:
        if settings.LEMUR_STRICT_ROLE_ENFORCEMENT and not user.is_operator:
            return NOTHING
        return condition(user)

    return Rule(strict)


def keepers(condition: Condition) -> Rule:
    """An action on what one is responsible for: it changes something, but strict mode does not take it away."""
    return Rule(condition)


class Permissions:
    """The rules of one model: action name to rule.

    ``never`` takes rows away from everybody, administrators and superusers included.
    """

    by_model: ClassVar[dict[type[Model], Permissions]] = {}

    def __init__(self, model: type[Model], *, never: dict[str, Q] | None = None, **rules: Rule) -> None:
        self.model, self.rules, self.never = model, rules, never or {}
        Permissions.by_model[model] = self

    def condition(self, user: Any, action: str) -> Q:
        """Which rows, as a condition: :data:`EVERYTHING` and :data:`NOTHING` are returned as themselves."""
        rule = self.rules[action]
        if not user.is_authenticated or not user.is_active or (rule.writes and user.is_read_only):
            return NOTHING
        condition = rule.condition(user)
        # Asked last: it reads the roles, which a rule for everybody need not know.
        if condition is not EVERYTHING and rule.administrators and user.is_administrator:
            return EVERYTHING
        return condition

    def allowed(self, user: Any, action: str, queryset: QuerySet[Any] | None = None) -> QuerySet[Any]:
        """The rows of ``queryset`` (default: all) to which the user may do ``action``. EVERYTHING adds no SQL."""
        rows = self.model._default_manager.all() if queryset is None else queryset
        condition = self.condition(user, action)
        if condition is NOTHING:
            return rows.none()
        if condition is not EVERYTHING:
            # A subquery, so that a rule that joins to many never doubles a row.
            rows = rows.filter(pk__in=self.model._default_manager.filter(condition).order_by().values("pk"))
        if action in self.never:
            rows = rows.exclude(self.never[action])
        return rows

    def can(self, user: Any, action: str, obj: Model | None = None) -> bool:
        """May the user do it to this object; without an object, may they do it at all (to a new or to some row)."""
        if obj is None:
            return self.condition(user, action) is not NOTHING
        condition = self.condition(user, action)
        if condition is NOTHING:
            return False
        if condition is EVERYTHING and action not in self.never:
            return True
        rows = self.model._default_manager.filter(condition, pk=obj.pk)
        return (rows.exclude(self.never[action]) if action in self.never else rows).exists()

    def require(self, user: Any, action: str, obj: Model | None = None, *, message: str = "") -> None:
        """Raise :class:`~core.errors.Forbidden` with ``message`` unless :meth:`can`."""
        if not self.can(user, action, obj):
            thing = obj if obj is not None else f"a {self.model._meta.verbose_name}"
            raise Forbidden(message or f"You may not {action.replace('_', ' ')} {thing}.")

    def actions(self, user: Any, obj: Model) -> frozenset[str]:
        """All actions that the user may do to this object, in one statement: for the buttons of one page."""
        found: set[str] = set()
        asked: dict[tuple[Q, Q], set[str]] = defaultdict(set)
        for action in self.rules:
            condition, never = self.condition(user, action), self.never.get(action, NOTHING)
            if condition is EVERYTHING and never is NOTHING:
                found.add(action)
            elif condition is not NOTHING:
                asked[condition, never].add(action)
        return frozenset(found | self._allowing(obj, asked))

    def _allowing(self, obj: Model, asked: Mapping[tuple[Q, Q], set[str]]) -> set[str]:
        """The actions whose condition the row fulfils, and not what never may; none, if it is gone."""
        if not asked:
            return set()
        rows = self.model._default_manager
        here = rows.filter(pk=OuterRef("pk"))
        questions = [Exists(here.filter(condition).exclude(never)) for condition, never in asked]
        answers = rows.filter(pk=obj.pk).values_list(*questions).first() or [False] * len(questions)
        return set().union(*(actions for yes, actions in zip(answers, asked.values(), strict=True) if yes))


def permissions_of(model: Model | type[Model]) -> Permissions:
    """The rules of a row's model, or of a model."""
    return Permissions.by_model[model if isinstance(model, type) else type(model)]


class PermissionBackend:
    """Teaches Django's ``has_perm`` to ask the rules.

    ``certificates.revoke_certificate`` is *revoke* on Certificate.
    """

    def authenticate(self, request: Any, **credentials: Any) -> None:
        """Passwords are somebody else's business."""

    def has_perm(self, user: Any, perm: str, obj: Model | None = None) -> bool:
        """Answer for models that have rules; ``False`` lets other backends speak."""
        app_label, _, codename = perm.partition(".")
        action, _, model_name = codename.rpartition("_")
        for model, permissions in Permissions.by_model.items():
            if (model._meta.app_label, model._meta.model_name) == (
                app_label,
                model_name,
            ) and action in permissions.rules:
                return permissions.can(user, action, obj)
        return False


class PermissionAdmin:
    """Mixin for ``ModelAdmin``: staff see and change what the rules allow; nothing is added or deleted by hand."""

    model: type[Model]

    def get_queryset(self, request: Any) -> QuerySet[Any]:
        return self._permissions.allowed(request.user, "view", super().get_queryset(request))  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(  # type: ignore[misc]
            db_field, request, **{"form_class": RowsField, **kwargs}
        )

    def has_module_permission(self, request: Any) -> bool:
        return bool(request.user.is_staff) and self._permissions.can(request.user, "view")

    def has_view_permission(self, request: Any, obj: Model | None = None) -> bool:
        return self._permissions.can(request.user, "view", obj)

    def has_change_permission(self, request: Any, obj: Model | None = None) -> bool:
        return "change" in self._permissions.rules and self._permissions.can(request.user, "change", obj)

    def has_add_permission(self, request: Any) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Model | None = None) -> bool:
        return False

    @property
    def _permissions(self) -> Permissions:
        return Permissions.by_model[self.model]


class ReadOnlyAdmin(PermissionAdmin):
    """Mixin for a ``ModelAdmin`` that shows what is changed elsewhere, or by nobody."""

    def has_change_permission(self, request: Any, obj: Model | None = None) -> bool:
        return False
