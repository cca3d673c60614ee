import type { RedEnvelope } from '@hongbao/core'
import { PingppError, type PingppErrorCode } from '../errors.ts'
import { createIntake, type Intake } from './envelope-intake.ts'
import type { Ledger } from './envelope-ledger.ts'
import {
  believe,
  isDue,
  isOpen,
  isOverdue,
  postpone,
  type EnvelopeRecord,
} from './envelope-record.ts'
import { readTable, type OpenRow, type OpenTable } from './open-envelopes.ts'
import { paceClient, type PacedClient } from './paced-client.ts'
import { PLAN_ENDS_MS } from './poll-plan.ts'
import type { ReconcilerSettings } from './reconciler-options.ts'
import { newDraft, type Draft, type ReconcilerReport } from './reconciler-report.ts'
import { MAX_RETRY_AFTER_MS } from '../http/retries.ts'
import { causeOf, explain } from './run-error.ts'
import { spansOf } from './search-spans.ts'

/** What one run is about. Times in Unix seconds. */
export interface RunScope {
  readonly from: number
  /** undefined: no end, so that a clock here which is behind hides nothing. */
  readonly to: number | undefined
  /** Up to when earlier runs have swept. */
  readonly sweptUntil: number
  /** Whether envelopes outside are left alone, even where they are due. */
  readonly isBounded: boolean
  readonly dryRun: boolean
}

/** How a run went. */
export interface RunResult {
  readonly report: ReconcilerReport
  /** What ended it early, as it was thrown. */
  readonly cause: unknown
}

/** What the steps of a run share. */
interface Run {
  readonly settings: ReconcilerSettings
  readonly ledger: Ledger
  readonly scope: RunScope
  readonly draft: Draft
  readonly signal: AbortSignal
  readonly api: PacedClient
}

/** Reads the table, sweeps, retrieves what is due, searches, concludes. Never rejects. */
export async function runOnce(
  settings: ReconcilerSettings,
  ledger: Ledger,
  scope: RunScope,
  signal: AbortSignal,
): Promise<RunResult> {
  const { now, bucket, pingpp } = settings
  const startedMs = now()
  const { dryRun, from, to = Math.floor(startedMs / 1000), sweptUntil } = scope
  const draft = newDraft({ dryRun, startedMs, from, to, sweptUntil })
  const api = paceClient(pingpp, { bucket, signal, onRequest: () => (draft.requests += 1) })
  const run: Run = { settings, ledger, scope, draft, signal, api }
  let table: OpenTable | undefined
  let cause: unknown

  try {
    signal.throwIfAborted()
    if (settings.open !== undefined) table = await readTable(settings.open, startedMs, signal)
    const intake = createIntake({ ...settings, ledger, table, draft })
    const failure = await sweep(run, intake)
    if (failure === undefined) moveMark(run)
    await retrieveDue(run, table, intake)
    const other = table === undefined ? undefined : await search(run, table, intake)
    if (failure !== undefined) throw failure
    if (other !== undefined) throw other
  } catch (error) {
    cause = causeOf(error)
    draft.error = explain(error, signal)
  }
  if (table === undefined) concludeFromLedger(run)
  else concludeFromTable(run, table)
  draft.durationMs = now() - startedMs
  return { report: draft, cause }
}

function sweep(run: Run, intake: Intake): Promise<PingppError | undefined> {
  const { from: gte, to: lte } = run.scope
  return takeList(run, lte === undefined ? { gte } : { gte, lte }, intake.swept)
}

/**
 * Looks for rows without an id that no sweep reaches, because they are older, in the lists of the days
 * on which they were made. Not in every run: there may be nothing to find.
 */
async function search(
  run: Run,
  { rows }: OpenTable,
  intake: Intake,
): Promise<PingppError | undefined> {
  const { ledger, scope } = run
  if (scope.isBounded) return undefined
  const missed = rows.filter(
    ({ id, orderNo, createdMs }) =>
      id === undefined &&
      createdMs < scope.from * 1000 &&
      ledger.findAdopted(orderNo) === undefined &&
      !ledger.isSought(orderNo),
  )
  for (const { orderNos, ...created } of spansOf(missed, scope.from)) {
    // oxlint-disable-next-line no-await-in-loop -- one after another: Ping++ limits what goes on at a time
    const failure = await takeList(run, created, intake.found)
    if (failure !== undefined) return failure
    for (const orderNo of orderNos) ledger.noteSought(orderNo)
  }
  return undefined
}

/** Takes what a list shows. Gives what the list failed with; throws what all else would fail with. */
async function takeList(
  { settings, signal, api }: Run,
  created: { readonly gte: number; readonly lte?: number },
  take: (envelope: RedEnvelope) => Promise<void>,
): Promise<PingppError | undefined> {
  try {
    for await (const envelope of api.list({ app: { id: settings.app }, limit: 100, created })) {
      signal.throwIfAborted()
      await take(envelope)
    }
    return undefined
  } catch (error) {
    return ownFailure(error, signal)
  }
}

/**
 * A sweep that leaves no gap behind the last one moves the mark, to when this run started at the
 * most: what was made since then came before the pages that were seen.
 */
function moveMark({ scope: { from, sweptUntil, dryRun }, draft }: Run): void {
  if (dryRun || from > sweptUntil) return
  const { to, startedMs } = draft
  draft.sweptUntil = Math.max(sweptUntil, Math.min(to, Math.floor(startedMs / 1000)))
}

/**
 * Asks for what is due and was not just shown, the longest due first.
 *
 * @throws what several in a row failed with: the next one would fare no better
 */
async function retrieveDue(run: Run, table: OpenTable | undefined, intake: Intake): Promise<void> {
  const { now } = run.settings
  const records = table === undefined ? run.ledger.open() : recordsOf(table.rows, run)
  const due = records.filter(
    (record) => concerns(run.scope, record) && isOpen(record) && isDue(record, now()),
  )
  let inARow = 0
  for (const record of due.toSorted((a, b) => dueMsOf(a) - dueMsOf(b))) {
    // oxlint-disable-next-line no-await-in-loop -- one after another: Ping++ limits what goes on at a time
    const failure = await retrieve(run, record, intake)
    inARow = failure === undefined || OF_ONE_ENVELOPE.has(failure.code) ? 0 : inARow + 1
    if (failure !== undefined && inARow === MOST_IN_A_ROW) throw failure
  }
}

const MOST_IN_A_ROW = 3

/** Asks for one envelope. Gives what that failed with; throws what all else would fail with. */
async function retrieve(
  run: Run,
  record: EnvelopeRecord,
  intake: Intake,
): Promise<PingppError | undefined> {
  let envelope: RedEnvelope
  try {
    envelope = await run.api.retrieve(record.id)
  } catch (error) {
    return noteUnanswered(run, record, error)
  }
  await intake.retrieved(envelope)
  return undefined
}

function noteUnanswered(
  { settings: { now, random }, draft, signal }: Run,
  record: EnvelopeRecord,
  error: unknown,
): PingppError {
  if (!signal.aborted) postpone(record, now(), random)
  const failure = ownFailure(error, signal)
  const { id, orderNo, status = null } = record
  const { code, message } = failure
  draft.failed.push({ id, order_no: orderNo, status, type: null, code, message })
  return failure
}

/** @throws what the next request would fail with as well */
function ownFailure(error: unknown, signal: AbortSignal): PingppError {
  if (signal.aborted || !(error instanceof PingppError)) throw error
  const { code, retryAfterMs = 0 } = error
  if (OF_ALL_REQUESTS.has(code) || retryAfterMs > MAX_RETRY_AFTER_MS) throw error
  return error
}

const OF_ALL_REQUESTS: ReadonlySet<PingppErrorCode> = new Set([
  'api-key-invalid',
  'rate-limited',
  'pingpp-unreachable',
  'response-forged',
])

/** What says nothing of other envelopes, however many fail with it. */
const OF_ONE_ENVELOPE: ReadonlySet<PingppErrorCode> = new Set([
  'parameter-invalid',
  'not-found',
  'request-invalid',
  'channel-failed',
])

function concludeFromLedger(run: Run): void {
  for (const record of run.ledger.open()) {
    if (concerns(run.scope, record)) noteOpen(run, record, record)
  }
}

function concludeFromTable(run: Run, table: OpenTable): void {
  for (const row of table.rows) {
    if (!concerns(run.scope, row)) continue
    const record = recordOf(row, run)
    if (row.id === undefined) noteAdopted(run, record)
    // One that was done with in an earlier run, and that the table still has open, is stuck there.
    const isStuck = record?.settledMs !== undefined && record.settledMs < table.readMs
    if (record === undefined || isOpen(record) || isStuck) noteOpen(run, row, record)
  }
}

function noteAdopted({ draft }: Run, record: EnvelopeRecord | undefined): void {
  if (record?.status === undefined) return
  draft.adopted.push({ id: record.id, order_no: record.orderNo, status: record.status })
}

function noteOpen(
  { draft, settings: { now } }: Run,
  { orderNo, createdMs }: OpenRow | EnvelopeRecord,
  record: EnvelopeRecord | undefined,
): void {
  const ageMs = now() - createdMs
  draft.open += 1
  draft.oldestOpenSeconds = Math.max(draft.oldestOpenSeconds ?? 0, Math.floor(ageMs / 1000))
  const isLate = record === undefined ? ageMs >= PLAN_ENDS_MS : isOverdue(record, now())
  if (!isLate) return
  draft.overdue.push({
    id: record?.id ?? null,
    order_no: orderNo,
    status: record?.status ?? null,
    created: Math.floor(createdMs / 1000),
  })
}

function recordsOf(rows: readonly OpenRow[], run: Run): EnvelopeRecord[] {
  return rows.map((row) => recordOf(row, run)).filter((record) => record !== undefined)
}

/** The record of a row; undefined where the row has no id, and no sweep has shown its order number. */
function recordOf(
  { id, orderNo, createdMs, status }: OpenRow,
  { ledger, settings: { now } }: Run,
): EnvelopeRecord | undefined {
  if (id === undefined) {
    const adopted = ledger.findAdopted(orderNo)
    return adopted === undefined ? undefined : ledger.track(adopted)
  }
  const record = ledger.track({ id, orderNo, createdMs })
  if (status !== undefined) believe(record, status, now())
  return record
}

function concerns(
  { isBounded, from, to }: RunScope,
  { createdMs }: { createdMs: number },
): boolean {
  if (!isBounded) return true
  return createdMs >= from * 1000 && (to === undefined || createdMs < (to + 1) * 1000)
}

function dueMsOf({ retryMs, due }: EnvelopeRecord): number {
  return retryMs ?? due.dueMs
}
