from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from engagements.models import EngagementMember, EngagementUserPermission, Role
from engagements.roles import MATRIX


class Command(BaseCommand):
    help = "Prove that the permissions given out in every engagement are those of the matrix, no more and no less."

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError (exit code 1) naming each difference."""
        held: dict[tuple[int, int], set[str]] = defaultdict(set)
        grants = EngagementUserPermission.objects.values_list(
            "content_object_id", "user_id", "permission__codename"
        )
        for engagement, user, codename in grants:
            held[engagement, user].add(codename)
        due = {
            (member.engagement_id, member.user_id): MATRIX[Role(member.role)]
            for member in EngagementMember.objects.all()
        }
        differences = []
        for pair in sorted(held.keys() | due.keys()):
            extra, missing = held[pair] - due.get(pair, frozenset()), due.get(pair, frozenset()) - held[pair]
            if extra or missing:
                words = [f"has {name} beyond its role" for name in sorted(extra)]
                words += [f"lacks {name}" for name in sorted(missing)]
                differences.append(f"engagement {pair[0]}, person {pair[1]}: {', '.join(words)}")
        if differences:
            raise CommandError("\n".join(differences))
        self.stdout.write(f"{len(due)} roles hold exactly what the matrix gives them.")
