"""Defects that break one guarantee each, and the test that each of them fails."""

from dataclasses import dataclass
from pathlib import Path

PLAN, JOURNAL = "core/promotion/plan.py", "core/promotion/journal.py"
ORDERS = "core/promotion/examination.py"
PUBLICATION = "services/promotion/runner.py"
TRANSACTIONS = "services/promotion/transactions.py"


@dataclass(frozen=True, slots=True)
class Defect:
    """A guarantee, a defect that breaks it, and the test that must fail.

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
        "wheels are sent before the sdist",
        "core/stage/order.py",
        "return is_sdist, filename",
        "return not is_sdist, filename",
        "core/promotion/test_plan.py::test_wheels_go_first_and_the_sdist_last",
    ),
    Defect(
        "the sdist waits until every wheel is listed",
        PLAN,
        "is not Progress.CONFIRMED for one in wheels",
        "not in _SETTLED for one in wheels",
        "core/promotion/test_plan.py::test_next_step",
    ),
    Defect(
        "the first wheel is sent alone",
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
        "other bytes under a staged filename stop the promotion",
        PLAN,
        "if has_other_bytes(artifact, listed.get(artifact.filename)):",
        "if has_other_bytes(artifact, None):",
        "services/promotion/test_runner.py::test_other_bytes_stop_everything",
    ),
    Defect(
        "a refusal of a file that may be published is verified",
        PLAN,
        "entry.progress is Progress.REFUSED and (is_late or not entry.in_doubt)",
        "entry.progress is Progress.REFUSED",
        "services/promotion/test_runner.py::test_refused_file_in_doubt",
    ),
    Defect(
        "only files that the index lists are published, whatever it answered",
        JOURNAL,
        "progress=Progress.SENT, sentence=reply.sentence",
        "progress=Progress.CONFIRMED, sentence=reply.sentence",
        "services/promotion/test_runner.py::test_slow_index_is_waited_for",
    ),
    Defect(
        "a file that was being sent during a crash is in doubt",
        JOURNAL,
        "case Progress.SENDING | Progress.UNKNOWN:\n                return self._as_unknown(now)",
        "case Progress.SENDING | Progress.UNKNOWN:\n                return self.interrupted(now)",
        "core/promotion/test_journal.py::test_each_event_has_the_outcome_of_the_table",
    ),
    Defect(
        "doubt stays until the file is listed",
        JOURNAL,
        "return self.in_doubt or self.progress in MAY_BE_PUBLISHED",
        "return self.progress in MAY_BE_PUBLISHED",
        "core/promotion/test_journal.py::test_doubt_stays",
    ),
    Defect(
        "a file is recorded before it is sent",
        PUBLICATION,
        "await self._record(run, sending)\n        try:",
        "run.entries[artifact.filename] = sending\n        try:",
        "services/promotion/test_runner.py::test_journal_knows_first",
    ),
    Defect(
        "after a failure no other file is sent",
        PUBLICATION,
        "if errors or any(map(_is_failure, replies.values())):",
        "if errors:",
        "services/promotion/test_runner.py::test_refusal_stops_it",
    ),
    Defect(
        "the number of parallel uploads is limited",
        PUBLICATION,
        "asyncio.Semaphore(self.target.pace.parallel)",
        "asyncio.Semaphore(1000)",
        "services/promotion/test_runner.py::test_parallel_uploads_are_limited",
    ),
    Defect(
        "Retry-After of an index is respected",
        PUBLICATION,
        "reply.retry_after or timedelta()",
        "timedelta()",
        "services/promotion/test_runner.py::test_retry_after",
    ),
    Defect(
        "a client that lost the lease stops sending",
        "services/promotion/lease_keeper.py",
        "await journal_store.renew()",
        "await asyncio.sleep(0)",
        "services/promotion/test_runner.py::test_lease_is_renewed_during_an_upload",
    ),
    Defect(
        "5xx does not say whether the file was accepted",
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
        "the lease ends with the promotion",
        "core/promotion/promotion.py",
        "if fence != self.fence or self.ended_at is not None:",
        "if fence != self.fence:",
        "core/promotion/test_promotion.py::test_lease_ends_with_the_promotion",
    ),
    Defect(
        "each holder has its own fence",
        TRANSACTIONS,
        "fence=former.fence + 1 if former else 1",
        "fence=1",
        "services/promotion/test_orchestrate_resume.py::test_silent_client_is_replaced_at_once",
    ),
    Defect(
        "a silent client can be replaced after 15 minutes",
        "core/promotion/promotion.py",
        "LEASE = timedelta(minutes=15)",
        "LEASE = timedelta(minutes=16)",
        "core/promotion/test_promotion.py::test_lapse",
    ),
    Defect(
        "a half-published release stays on its index",
        "core/promotion/promotion.py",
        "            if former != present:\n",
        "            if former == self.stage_id:\n",
        "services/promotion/test_orchestrate_resume.py::test_half_published_release_stays_on_its_index",
    ),
    Defect(
        "of two concurrent promotions one starts",
        TRANSACTIONS,
        "status=stage.after(Step.PROMOTE)",
        "status=Status.PROCESSING",
        "services/promotion/test_orchestrate.py::test_concurrent_promotions",
    ),
    Defect(
        "only the approved manifest is published",
        ORDERS,
        "if request.manifest_digest not in {None, digest}:",
        "if request.manifest_digest is digest:",
        "services/promotion/test_orchestrate.py::test_other_manifest_is_refused",
    ),
    Defect(
        "the same bytes with another form are not published unseen",
        ORDERS,
        "if request.revision not in {None, stage.revision}:",
        "if request.revision is stage.revision:",
        "web/api/test_looks.py::test_other_form_while_asked",
    ),
    Defect(
        "yes alone approves no files",
        "cli/promote/consent.py",
        "if is_approved and covers_forms and (yes or (resumes and not has_warnings)):",
        "if yes or (resumes and not has_warnings):",
        "cli/promote/test_consent.py::test_needed_consent",
    ),
    Defect(
        "a manifest digest approves no other form",
        ORDERS,
        "and request.revision is None:",
        "and request.revision == -1:",
        "web/api/test_looks.py::test_other_form_under_an_approved_digest",
    ),
    Defect(
        "promote refuses approved bytes with another form",
        "cli/promote/consent.py",
        "    if not covers_forms:\n",
        "    if False:\n",
        "cli/promote/test_consent.py::test_needed_consent",
    ),
    Defect(
        "a file that the index accepted stays in doubt if other bytes are listed",
        PLAN,
        "    if entry.progress is Progress.SENT:\n        return Stop(swapped",
        "    if False:\n        return Stop(swapped",
        "services/promotion/test_runner.py::test_other_bytes_after_an_acceptance",
    ),
    Defect(
        "a question without its answer is no look",
        "core/promotion/looks.py",
        "one.token_id == token_id and one.kind is not LookKind.QUESTION",
        "one.token_id == token_id",
        "core/promotion/test_looks.py::test_last_look",
    ),
    Defect(
        "changes after the examination are not published",
        TRANSACTIONS,
        "if stage.revision != examined.revision:",
        "if stage.revision < 0:",
        "services/promotion/test_orchestrate.py::test_change_during_the_examination_is_refused",
    ),
    Defect(
        "the stage is examined again before anything is sent",
        ORDERS,
        "if refused := _problems(examination, Level.REFUSE):",
        "if refused := _problems(examination, Level.REFUSE)[:0]:",
        "services/promotion/test_orchestrate.py::test_stage_is_examined_again",
    ),
    Defect(
        "exactly the present warnings are acknowledged",
        ORDERS,
        "if request.acknowledged not in {None, examination.warnings_digest}:",
        "if request.acknowledged not in {None, '', examination.warnings_digest}:",
        "services/promotion/test_orchestrate.py::test_warnings_must_be_acknowledged",
    ),
    Defect(
        "every file is examined, not only the last one",
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
        "files on pages without hashes are compared",
        "services/promotion/preflight.py",
        "await _with_hashes(stage, target, state.listing, state.page_url)",
        "state.listing",
        "services/promotion/test_orchestrate_resume.py::test_published_files_are_not_refused",
    ),
    Defect(
        "a stage is published only if every file is confirmed",
        TRANSACTIONS,
        "    if missing:\n",
        "    if not journal:\n",
        "services/promotion/test_reports.py::test_unconfirmed_file_is_not_published",
    ),
    Defect(
        "the server verifies the files that a client reports",
        "services/promotion/reports.py",
        "    check_is_listed(stage.artifacts, hashed)\n",
        "",
        "services/promotion/test_reports.py::test_other_bytes_are_not_published",
    ),
    Defect(
        "a client that takes over verifies reported files",
        TRANSACTIONS,
        "if former is not None and former.publisher is Publisher.CLIENT:",
        "if former is None:",
        "services/promotion/test_reports.py::test_reported_files_are_verified_by_the_next_holder",
    ),
    Defect(
        "a stage that is being published cannot be edited",
        "core/stage/stage.py",
        "_RUNNING: Mapping[Step, Status] = {\n",
        "_RUNNING: Mapping[Step, Status] = {\n    Step.EDIT: Status.PROCESSING,\n",
        "services/promotion/test_orchestrate.py::test_frozen_stage_cannot_be_edited",
    ),
    Defect(
        "no file is begun after a stop",
        TRANSACTIONS,
        "    if promotion.stop:\n        raise StopRequestedError\n",
        "    if promotion.stop and promotion.ended_at:\n        raise StopRequestedError\n",
        "services/promotion/test_stop.py::test_stop_while_files_are_sent_in_parallel",
    ),
    Defect(
        "a stop waits for the files that are being sent",
        TRANSACTIONS,
        "    if is_running and is_anything_being_sent(",
        "    if not is_running and is_anything_being_sent(",
        "services/promotion/test_stop.py::test_stop_while_a_file_is_sent",
    ),
    Defect(
        "a half-published stage cannot be canceled",
        "core/stage/stage.py",
        "(Status.ERROR, True): {\n        Step.EDIT",
        "(Status.ERROR, True): {\n        Step.CANCEL: Status.CANCELED,\n        Step.EDIT",
        "services/promotion/test_orchestrate_resume.py::test_half_published_stage_is_not_canceled",
    ),
    Defect(
        "a file that may be published is not replaced",
        "core/promotion/journal.py",
        "        if entry.may_be_published\n    }",
        "        if entry.progress is Progress.CONFIRMED\n    }",
        "web/api/test_corrections.py::test_file_in_doubt_is_final",
    ),
    Defect(
        "a replaced file starts with a new entry",
        "services/uploads.py",
        "        rows.promotions.remove_entry(stage.id, artifact.filename)\n",
        "",
        "web/api/test_corrections.py::test_replaced_file_has_a_new_entry",
    ),
    Defect(
        "no wheel follows the sdist",
        "core/stage/accept.py",
        "        if reason := final.get(sdist):\n",
        "        if reason := final.get(filename):\n",
        "core/stage/test_accept.py::test_nothing_is_added_after_the_sdist",
    ),
    Defect(
        "signatures of links are not kept",
        "core/promotion/journal.py",
        'bare = url.partition("#")[0].partition("?")[0]',
        'bare = url.partition("#")[0]',
        "core/promotion/test_journal.py::test_kept_url",
    ),
    Defect(
        "a stage is given up only as it is then",
        "services/promotion/ways_out.py",
        "    canceled = stage.after(Step.GIVE_UP)\n",
        "    canceled = stage.status\n",
        "services/promotion/test_give_up.py::test_promotion_that_starts_meanwhile",
    ),
    Defect(
        "upload tokens cannot publish",
        "core/rights.py",
        "Action.OPEN, Action.UPLOAD, Action.REMOVE",
        "Action.OPEN, Action.UPLOAD, Action.REMOVE, Action.PROMOTE",
        "services/promotion/test_orchestrate.py::test_upload_token_cannot_promote",
    ),
    Defect(
        "foreign attestations are not sent",
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
        "services/promotion/test_credentials.py::test_credentials_do_not_print",
    ),
    Defect(
        "an upload is never redirected",
        "upstream/upload_client.py",
        "allow_redirects=False",
        "allow_redirects=True",
        "upstream/test_upload_client.py::test_redirect",
    ),
    Defect(
        "a file with other bytes is not sent to its end",
        "upstream/multipart.py",
        "if is_end and (self._read, self._digest.hexdigest()) != expected:",
        "if is_end and not expected:",
        "upstream/test_upload_client.py::test_damaged_file",
    ),
    Defect(
        "an acceptance of half a file does not count",
        "upstream/upload_client.py",
        "if isinstance(reply, Accepted) and not body.is_complete:",
        "if isinstance(reply, Accepted) and body.damage is not None:",
        "upstream/test_upload_client.py::test_early_acceptance",
    ),
    Defect(
        "a client holds the lease as long as it renews it",
        TRANSACTIONS,
        "    promotion = promotion.renewed(now)\n",
        "",
        "services/promotion/test_orchestrate_resume.py::test_short_silence",
    ),
    Defect(
        "a half-published release is logged hourly from day 10",
        "core/promotion/promotion.py",
        "_DAYS_UNTIL_HOURLY = timedelta(days=10)",
        "_DAYS_UNTIL_HOURLY = timedelta(days=11)",
        "core/promotion/test_promotion.py::test_reminders",
    ),
    Defect(
        "only a published stage has a receipt",
        "services/promotion/reports.py",
        "if view.stage.status is not Status.PUBLISHED:",
        "if view.stage.status is Status.CANCELED:",
        "services/promotion/test_reports.py::test_no_receipt_before_the_end",
    ),
    Defect(
        "files of a published stage redirect to the index",
        "services/preview.py",
        "if stage.status is not Status.PUBLISHED:",
        "if stage.status is not Status.CANCELED:",
        "web/preview/test_published_stage.py::test_files",
    ),
    Defect(
        "an unchanged upload restores the stored file",
        "services/uploads.py",
        "        incoming.file.commit()\n        is_settled",
        "        if outcome is not Outcome.UNCHANGED:\n"
        "            incoming.file.commit()\n        is_settled",
        "web/upload/test_damaged_files.py::test_healed_by_the_same_upload",
    ),
    Defect(
        "a file without all its bytes is not sent",
        "services/preview.py",
        "if stored != artifact.size:",
        "if stored is None:",
        "web/upload/test_damaged_files.py::test_not_served",
    ),
    Defect(
        "every step is in the audit trail",
        TRANSACTIONS,
        "rows.audit.add(entry_event(stage, promotion, entry, now))",
        "entry_event(stage, promotion, entry, now)",
        "services/promotion/test_audit_events.py::test_every_step_is_an_event",
    ),
    Defect(
        "each record of the audit trail has the digest of the one before",
        "core/audit.py",
        '"previous": previous,',
        '"previous": START.digest,',
        "core/test_audit.py::test_digest_covers_all_records_before",
    ),
    Defect(
        "a token that is revoked during a request changes nothing any more",
        "services/access.py",
        "if current is None or not current.is_live(now):",
        "if current is None:",
        "services/test_still_permitted.py::test_revoked_before_the_write",
    ),
    Defect(
        "a change that exceeds a limit is refused",
        "core/limits.py",
        "return limit > 0 and used[quota] > limit",
        "return limit > 0 and used[quota] > limit + 1",
        "core/test_limits.py::test_changes",
    ),
    Defect(
        "no query reads all stages, however many have ended",
        "store/stage_rows.py",
        "WHERE project = :project AND status IN ('open', 'processing', 'error')",
        "WHERE project || '' = :project AND status IN ('open', 'processing', 'error')",
        "store/test_query_plans.py::test_no_query_reads_all_rows",
    ),
    Defect(
        "an API token has one place at a time among those whose files are read",
        "store/turns.py",
        "if one not in self._served",
        "if one not in set()",
        "store/test_turns.py::test_one_place_each",
    ),
    Defect(
        "who had a place is behind those who had none",
        "store/turns.py",
        "self._waiting[asker] = self._waiting.pop(asker)",
        "pass",
        "store/test_turns.py::test_whoever_had_a_place_is_behind",
    ),
    Defect(
        "what takes too long to check is no reason to refuse a file",
        "core/rules/table.py",
        "not_known(message, self.source)",
        "Finding(self.source, message)",
        "core/rules/test_table.py::test_unchecked_steps",
    ),
    Defect(
        "a description is rendered in a process with limits, and found out there",
        "store/inspection_worker.py",
        "in steps_of(only_form=question.only_form):",
        "in steps_of(only_form=question.only_form)[:-1]:",
        "store/test_inspection_rules.py::test_hostile_description",
    ),
]
"""Each guarantee of promotion, uploads and of the audit trail, with a defect that breaks it."""
