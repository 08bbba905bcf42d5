"""What a worker does for this app."""

from jobs.queue import handler, on_failure
from reports import drafting, general_use, issuing, likeness, previewing

handler("report.draft")(drafting.render_draft)
on_failure("report.draft")(drafting.draft_failed)
handler("report.issue")(issuing.render_final)
on_failure("report.issue")(issuing.issue_failed)
handler("report.general_use")(general_use.render)
on_failure("report.general_use")(general_use.failed)
handler(previewing.KIND)(previewing.render)
on_failure(previewing.KIND)(previewing.failed)
handler("report.likeness", awaited=False)(likeness.compare)
