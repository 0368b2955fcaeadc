"""Defects that break one guarantee each, and the test that each of them turns red."""

from dataclasses import dataclass
from pathlib import Path

PLAN, JOURNAL = "core/promotion/plan.py", "core/promotion/journal.py"
ORDERS = "core/promotion/request.py"
PROMOTE, PUBLICATION = "services/promotion/orchestrate.py", "services/promotion/runner.py"


@dataclass(frozen=True, slots=True)
class Defect:
    """What is promised, where it is broken, how, and the test that must fail then.

    *file* is within `stageproxy`, *test* within `tests`.
    """

    guarantee: str
    file: str
    good: str
    bad: str
    test: str

    def seeded_in(self, root: Path) -> tuple[Path, str, str]:
        """Return the file below *root*, its text, and its text with the defect."""
        path = root / "stageproxy" / self.file
        text = path.read_text()
        return path, text, text.replace(self.good, self.bad)


DEFECTS = [
    Defect(
        "wheels go before the sdist",
        "core/stage/order.py",
        "return is_sdist, filename",
        "return not is_sdist, filename",
        "core/promotion/test_plan.py::test_wheels_go_first_and_the_sdist_last",
    ),
    Defect(
        "the sdist waits until every wheel is seen",
        PLAN,
        "is not Progress.CONFIRMED for one in wheels",
        "not in _SETTLED for one in wheels",
        "core/promotion/test_plan.py::test_next_step",
    ),
    Defect(
        "the first wheel goes alone",
        PLAN,
        "_sending(ordered[:1], journal)",
        "_sending(ordered, journal)",
        "services/promotion/test_runner.py::test_one_wheel_then_the_others_then_the_sdist",
    ),
    Defect(
        "a promotion cut short anywhere publishes each file once, the sdist last",
        PLAN,
        "_sending(wheels, journal)\n    return",
        "_sending(ordered, journal)\n    return",
        "services/promotion/test_runner_cut_short.py",
    ),
    Defect(
        "other bytes under a name of ours stop everything",
        PLAN,
        "if is_other(artifact, seen.get(artifact.filename)):",
        "if is_other(artifact, None):",
        "services/promotion/test_runner.py::test_other_bytes_stop_everything",
    ),
    Defect(
        "a refusal of what may be out already is looked into",
        PLAN,
        "entry.progress is Progress.REFUSED and (is_late or not entry.in_doubt)",
        "entry.progress is Progress.REFUSED",
        "services/promotion/test_runner.py::test_refused_file_in_doubt",
    ),
    Defect(
        "only what the index shows is published, whatever it answered",
        JOURNAL,
        "progress=Progress.SENT, said=reply.sentence",
        "progress=Progress.CONFIRMED, said=reply.sentence",
        "services/promotion/test_runner.py::test_slow_index_is_waited_for",
    ),
    Defect(
        "what was being sent when somebody crashed is in doubt",
        JOURNAL,
        "case Progress.SENDING | Progress.UNKNOWN:\n                return self._doubted(now)",
        "case Progress.SENDING | Progress.UNKNOWN:\n                return self.withheld(now)",
        "core/promotion/test_journal.py::test_each_event_has_the_outcome_of_the_table",
    ),
    Defect(
        "doubt stays until the file is seen",
        JOURNAL,
        "return self.in_doubt or self.progress in MAY_BE_OUT",
        "return self.progress in MAY_BE_OUT",
        "core/promotion/test_journal.py::test_doubt_stays",
    ),
    Defect(
        "the journal knows before the index does",
        PUBLICATION,
        "await self._record(run, sending)\n        try:",
        "run.entries[artifact.filename] = sending\n        try:",
        "services/promotion/test_runner.py::test_journal_knows_first",
    ),
    Defect(
        "after a failure nothing new is begun",
        PUBLICATION,
        "if broken or any(map(_is_failure, replies.values())):",
        "if broken:",
        "services/promotion/test_runner.py::test_refusal_stops_it",
    ),
    Defect(
        "only so many files go at a time",
        PUBLICATION,
        "asyncio.Semaphore(self.pace.parallel)",
        "asyncio.Semaphore(1000)",
        "services/promotion/test_runner.py::test_parallel_uploads_are_limited",
    ),
    Defect(
        "an index is left alone for as long as it wishes",
        PUBLICATION,
        "reply.retry_after or timedelta()",
        "timedelta()",
        "services/promotion/test_runner.py::test_retry_after",
    ),
    Defect(
        "whoever has lost the lease sends no further",
        "services/promotion/lease_keeper.py",
        "await journal_store.renew()",
        "await asyncio.sleep(0)",
        "services/promotion/test_runner.py::test_lease_is_renewed_during_an_upload",
    ),
    Defect(
        "5xx says nothing about what was taken",
        "core/promotion/replies.py",
        "case 4 if status not in _UNKNOWN:",
        "case 4 | 5 if status not in _UNKNOWN:",
        "core/promotion/test_replies.py::test_undecided_statuses",
    ),
    Defect(
        "429 is no refusal",
        "core/promotion/replies.py",
        "frozenset({408, 425, 429})",
        "frozenset({408, 425})",
        "core/promotion/test_replies.py::test_undecided_statuses",
    ),
    Defect(
        "only the present holder of the lease may act",
        "core/promotion/promotion.py",
        "if fence != self.fence or self.ended_at is not None:",
        "if self.ended_at is not None:",
        "services/promotion/test_reports.py::test_other_holders_are_refused",
    ),
    Defect(
        "nobody acts after the end",
        "core/promotion/promotion.py",
        "if fence != self.fence or self.ended_at is not None:",
        "if fence != self.fence:",
        "core/promotion/test_promotion.py::test_nobody_acts_after_the_end",
    ),
    Defect(
        "each holder has a number of its own",
        PROMOTE,
        "fence=former.fence + 1 if former else 1",
        "fence=1",
        "services/promotion/test_orchestrate_resume.py::test_silent_client_is_replaced_at_once",
    ),
    Defect(
        "who says nothing for 15 minutes is not waited for",
        "core/promotion/promotion.py",
        "LEASE = timedelta(minutes=15)",
        "LEASE = timedelta(minutes=16)",
        "core/promotion/test_promotion.py::test_lapse",
    ),
    Defect(
        "half a release is not continued elsewhere",
        "core/promotion/promotion.py",
        "self.target.repository_url != target.repository_url",
        "self.target.repository_url == target.index_url",
        "services/promotion/test_orchestrate_resume.py::test_half_published_release_stays_on_its_index",
    ),
    Defect(
        "two that begin at once: one wins",
        PROMOTE,
        "status=stage.after(Step.PROMOTE)",
        "status=Status.PROCESSING",
        "services/promotion/test_orchestrate.py::test_concurrent_promotions",
    ),
    Defect(
        "only what was looked at is published",
        ORDERS,
        "if order.manifest_digest not in {None, digest}:",
        "if order.manifest_digest is digest:",
        "services/promotion/test_orchestrate.py::test_other_manifest_is_refused",
    ),
    Defect(
        "what changes after the examination is not published",
        PROMOTE,
        "if stage.revision != examined.revision:",
        "if stage.revision < 0:",
        "services/promotion/test_orchestrate.py::test_change_during_the_examination_is_refused",
    ),
    Defect(
        "the verdict is given again before anything is sent",
        ORDERS,
        "if refused := _problems(examination, Level.REFUSE):",
        "if refused := _problems(examination, Level.REFUSE)[:0]:",
        "services/promotion/test_orchestrate.py::test_stage_is_examined_again",
    ),
    Defect(
        "warnings are acknowledged, these and no others",
        ORDERS,
        "if order.acknowledged not in {None, examination.warnings_digest}:",
        "if order.acknowledged not in {None, '', examination.warnings_digest}:",
        "services/promotion/test_orchestrate.py::test_warnings_must_be_acknowledged",
    ),
    Defect(
        "every file is decided about, not the last one alone",
        "core/promotion/examination.py",
        "for filename, findings in self.findings.items()",
        "for filename, findings in list(self.findings.items())[-1:]",
        "services/promotion/test_orchestrate.py::test_all_refusals_are_reported",
    ),
    Defect(
        "files are hashed again before anything is sent",
        "services/promotion/preflight.py",
        'return (await self.files.digests(artifact.sha256, {"sha256": 0}))["sha256"]',
        "return artifact.sha256",
        "services/promotion/test_orchestrate.py::test_damaged_file_is_refused",
    ),
    Defect(
        "where pages have no hashes, bytes are compared",
        "services/promotion/preflight.py",
        "await self._with_hashes(stage, state.listing)",
        "state.listing",
        "services/promotion/test_orchestrate_resume.py::test_published_files_are_not_refused",
    ),
    Defect(
        "a stage is published only when all of it is confirmed",
        "services/promotion/journal_store.py",
        "    if missing:\n",
        "    if not journal:\n",
        "services/promotion/test_reports.py::test_unconfirmed_file_is_not_published",
    ),
    Defect(
        "a promoter's word is not enough: the server sees the very bytes itself",
        "services/promotion/reports.py",
        "    check_is_listed(stage.artifacts, seen)\n",
        "",
        "services/promotion/test_reports.py::test_other_bytes_are_not_published",
    ),
    Defect(
        "who goes on sees for himself what was only told to be out",
        "services/promotion/orchestrate.py",
        "if former is not None and former.way is Publisher.CLIENT:",
        "if former is None:",
        "services/promotion/test_reports.py::test_reported_files_are_verified_by_the_next_holder",
    ),
    Defect(
        "what is being published cannot be edited",
        "core/stage/stage.py",
        "(Status.PROCESSING, False): {Step.SUCCEED",
        "(Status.PROCESSING, False): {Step.EDIT: Status.PROCESSING, Step.SUCCEED",
        "services/promotion/test_orchestrate.py::test_frozen_stage_cannot_be_edited",
    ),
    Defect(
        "half a release cannot be given up",
        "core/stage/stage.py",
        "(Status.ERROR, True): {Step.PROMOTE",
        "(Status.ERROR, True): {Step.CANCEL: Status.CANCELED, Step.PROMOTE",
        "services/promotion/test_orchestrate_resume.py::test_half_published_stage_can_only_be_promoted",
    ),
    Defect(
        "tokens that upload do not publish",
        "core/rights.py",
        "Action.OPEN, Action.UPLOAD, Action.REMOVE",
        "Action.OPEN, Action.UPLOAD, Action.REMOVE, Action.PROMOTE",
        "services/promotion/test_orchestrate.py::test_upload_token_cannot_promote",
    ),
    Defect(
        "attestations of others do not go out",
        "core/stage/upload_forms.py",
        "_NOT_FOR_PYPI | {FIELD}",
        "_NOT_FOR_PYPI",
        "services/promotion/test_publish_target.py::test_foreign_attestations_are_not_sent",
    ),
    Defect(
        "credentials are not printed",
        "core/rights.py",
        "password: str = field(repr=False)",
        "password: str",
        "services/promotion/test_publish_target.py::test_credentials_do_not_print",
    ),
    Defect(
        "an upload is never redirected",
        "upstream/upload_client.py",
        "allow_redirects=False",
        "allow_redirects=True",
        "upstream/test_upload_client.py::test_redirect",
    ),
    Defect(
        "a file with other bytes does not go out whole",
        "upstream/multipart.py",
        "if is_end and (self._read, self._digest.hexdigest()) != expected:",
        "if is_end and not expected:",
        "upstream/test_upload_client.py::test_damaged_file",
    ),
    Defect(
        "who says yes to half a file has not taken it",
        "upstream/upload_client.py",
        "if isinstance(reply, Accepted) and not body.is_whole:",
        "if isinstance(reply, Accepted) and body.damage is not None:",
        "upstream/test_upload_client.py::test_early_yes",
    ),
    Defect(
        "who publishes elsewhere lives as long as there are signs of it",
        "services/promotion/journal_store.py",
        "    held = held.renewed(now)\n",
        "",
        "services/promotion/test_orchestrate_resume.py::test_short_silence",
    ),
    Defect(
        "half a release is warned of hourly from day 10",
        "core/promotion/promotion.py",
        "_DAYS_UNTIL_HOURLY = timedelta(days=10)",
        "_DAYS_UNTIL_HOURLY = timedelta(days=11)",
        "core/promotion/test_promotion.py::test_reminders",
    ),
    Defect(
        "only what is published has a receipt",
        "services/promotion/reports.py",
        "if view.stage.status is not Status.PUBLISHED:",
        "if view.stage.status is Status.CANCELED:",
        "services/promotion/test_reports.py::test_no_receipt_before_the_end",
    ),
    Defect(
        "files of a published stage are the index's",
        "services/preview.py",
        "if stage.status is not Status.PUBLISHED:",
        "if stage.status is not Status.CANCELED:",
        "web/preview/test_published_stage.py::test_files",
    ),
    Defect(
        "every step is told in the audit trail",
        "services/promotion/journal_store.py",
        "rows.add_event(entry_event(stage, held, entry, now))",
        "entry_event(stage, held, entry, now)",
        "services/promotion/test_audit_events.py::test_every_step_is_an_event",
    ),
    Defect(
        "each record of the audit trail holds the one before it",
        "core/audit.py",
        '"previous": previous,',
        '"previous": START.digest,',
        "core/test_audit.py::test_digest_covers_all_records_before",
    ),
]
"""Each guarantee of promotion, and of the trail that tells of it, with a way to break it."""
