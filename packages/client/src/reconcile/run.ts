import { WebhookError } from '@hongbao/core'
import type { RedEnvelope } from '@hongbao/core'
import { PingppError, type PingppErrorCode } from '../errors.ts'
import { MAX_RETRY_AFTER_MS } from '../http/retries.ts'
import type { PingppRequestOptions } from '../options.ts'
import { OpenError, readTable, spansOf, type OpenRow, type OpenTable } from './open-envelopes.ts'
import { PLAN_ENDS_MS } from './poll-plan.ts'
import { processListed, processRetrieved, type RunContext } from './processor.ts'
import type { ReconcilerSettings, RunRange } from './reconciler-options.ts'
import {
  addToTotals,
  newDraft,
  type ReconcilerReport,
  type ReconcilerRunError,
} from './reconciler-report.ts'
import {
  applyLocal,
  isOpen,
  isOverdue,
  postpone,
  queryMsOf,
  type TrackedEnvelope,
  type Tracker,
} from './tracker.ts'

/** How a run went. */
export interface RunResult {
  readonly report: ReconcilerReport
  /** What ended it early, as it was thrown. */
  readonly cause: unknown
}

interface Run extends RunContext {
  table: OpenTable | undefined
  readonly range: RunRange
  readonly signal: AbortSignal
  /** Options of every request: the rate limit and the count of requests. */
  readonly how: PingppRequestOptions
}

const NEVER = new AbortController().signal

/**
 * Reads the table, sweeps, retrieves what is due, searches, concludes. Never rejects.
 *
 * @param sweptUntil up to when earlier runs have swept, in Unix seconds
 */
export async function runOnce(
  settings: ReconcilerSettings,
  tracker: Tracker,
  range: RunRange,
  sweptUntil: number,
): Promise<RunResult> {
  const { now, bucket, open, overlapSeconds } = settings
  const startedMs = now()
  const { dryRun, to = Math.floor(startedMs / 1000), signal = NEVER } = range
  const start = Math.floor(Math.min(range.to ?? sweptUntil, sweptUntil) - overlapSeconds)
  const from = range.from ?? Math.max(0, start)
  const draft = newDraft({ dryRun, startedMs, from, to, sweptUntil })
  const beforeAttempt = async (): Promise<void> => {
    await bucket.take(signal)
    draft.requests += 1
  }
  const how = { signal, beforeAttempt }
  const run: Run = { settings, tracker, table: undefined, draft, range, signal, how }
  let cause: unknown

  try {
    signal.throwIfAborted()
    if (open !== undefined) run.table = await readTable(open, signal)
    const failure = await sweep(run)
    await retrieveDue(run)
    const other = await search(run)
    if (failure !== undefined) throw failure
    if (other !== undefined) throw other
  } catch (error) {
    // `onError` gets what `open` threw.
    cause = error instanceof OpenError ? (error.cause ?? error) : error
    draft.error = explain(error, signal)
  }
  conclude(run)
  draft.durationMs = now() - startedMs
  return { report: draft, cause }
}

/** Why a run ended early, without the text of errors that are not hongbao's: it may hold a secret. */
function explain(error: unknown, signal: AbortSignal): ReconcilerRunError {
  if (signal.aborted) return { code: 'run-aborted', message: 'The run was stopped before its end.' }
  if (error instanceof PingppError) {
    const { code, message, retryAfterMs } = error
    return { code, message, ...(retryAfterMs !== undefined && { retryAfterMs }) }
  }
  if (error instanceof WebhookError) return { code: error.code, message: error.message }
  if (error instanceof OpenError) return { code: 'open-failed', message: error.message }
  const name = error instanceof Error ? error.name : typeof error
  return { code: 'internal-error', message: `The run failed (${name}).` }
}

/**
 * Processes the list of all envelopes of the range. A sweep that leaves no gap after the last one moves
 * `sweptUntil`, to the start of this run at most: later envelopes came before the pages that were read.
 */
async function sweep(run: Run): Promise<PingppError | undefined> {
  const { draft, range } = run
  const { from, to, sweptUntil, startedMs, dryRun } = draft
  // Without an end, so that a local clock that is behind hides nothing.
  const created = range.to === undefined ? { gte: from } : { gte: from, lte: to }
  const failure = await readList(run, created, (envelope) => {
    addToTotals(draft, envelope)
    return processListed(run, envelope)
  })
  if (failure === undefined && !dryRun && from <= sweptUntil) {
    draft.sweptUntil = Math.max(sweptUntil, Math.min(to, Math.floor(startedMs / 1000)))
  }
  return failure
}

/**
 * Searches rows without an id that no sweep reaches, because they are older, in the lists of the days
 * on which they were created. Not in every run: Ping++ may not have them.
 */
async function search(run: Run): Promise<PingppError | undefined> {
  const { table, tracker, draft, range } = run
  if (table === undefined || isBounded(range)) return undefined
  const missing = table.rows.filter(
    ({ id, orderNo, createdMs }) =>
      id === undefined &&
      createdMs < draft.from * 1000 &&
      tracker.findAdopted(orderNo) === undefined &&
      !tracker.wasSearched(orderNo),
  )
  for (const { orderNos, ...created } of spansOf(missing, draft.from)) {
    // oxlint-disable-next-line no-await-in-loop -- one after another: Ping++ limits concurrent requests
    const failure = await readList(run, created, async (envelope) => {
      const row = table.match(envelope)
      // Envelopes of other rows were not searched for.
      if (row !== undefined && row.id === undefined) await processListed(run, envelope)
    })
    if (failure !== undefined) return failure
    for (const orderNo of orderNos) tracker.markSearched(orderNo)
  }
  return undefined
}

/** Returns the error of the list; throws one that every other request would end with. */
async function readList(
  { settings: { pingpp, app }, signal, how }: Run,
  created: { readonly gte: number; readonly lte?: number },
  take: (envelope: RedEnvelope) => Promise<void>,
): Promise<PingppError | undefined> {
  try {
    const query = { app: { id: app }, limit: 100, created }
    for await (const envelope of pingpp.redEnvelopes.list(query, how)) {
      signal.throwIfAborted()
      await take(envelope)
    }
    return undefined
  } catch (error) {
    return ownError(error, signal)
  }
}

/**
 * Queries the envelopes that are due and were not just listed, the longest due first.
 *
 * @throws the third of several errors in a row: the next query would end with it too
 */
async function retrieveDue(run: Run): Promise<void> {
  const { table, tracker, settings } = run
  const envelopes =
    table === undefined ? tracker.open() : table.rows.flatMap((row) => track(row, run) ?? [])
  const due = envelopes.filter(
    (envelope) =>
      isInRange(run, envelope) && isOpen(envelope) && settings.now() >= queryMsOf(envelope),
  )
  let inARow = 0
  for (const envelope of due.toSorted((a, b) => queryMsOf(a) - queryMsOf(b))) {
    // oxlint-disable-next-line no-await-in-loop -- one after another: Ping++ limits concurrent requests
    const error = await retrieve(run, envelope)
    inARow = error === undefined || OF_ONE_ENVELOPE.has(error.code) ? 0 : inARow + 1
    if (error !== undefined && inARow === MOST_IN_A_ROW) throw error
  }
}

const MOST_IN_A_ROW = 3

/** Queries one envelope. Returns its error; throws one that every other request would end with. */
async function retrieve(run: Run, tracked: TrackedEnvelope): Promise<PingppError | undefined> {
  const { settings, draft, signal, how } = run
  let envelope: RedEnvelope
  try {
    envelope = await settings.pingpp.redEnvelopes.retrieve(tracked.id, how)
  } catch (thrown) {
    if (!signal.aborted) postpone(tracked, settings.now(), settings.random)
    const error = ownError(thrown, signal)
    const { id, orderNo, status = null } = tracked
    const { code, message } = error
    draft.failed.push({ id, order_no: orderNo, status, type: null, code, message })
    return error
  }
  await processRetrieved(run, envelope)
  return undefined
}

/** @throws an error that every other request would end with as well */
function ownError(error: unknown, signal: AbortSignal): PingppError {
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

/** Errors that say nothing of other envelopes, however many end with them. */
const OF_ONE_ENVELOPE: ReadonlySet<PingppErrorCode> = new Set([
  'parameter-invalid',
  'not-found',
  'request-invalid',
  'channel-failed',
])

/** Reports the envelopes that are open now. */
function conclude(run: Run): void {
  const { table, tracker } = run
  for (const envelope of table === undefined ? tracker.open() : []) {
    if (isInRange(run, envelope)) noteOpen(run, envelope, envelope)
  }
  for (const row of table?.rows ?? []) {
    if (isInRange(run, row)) concludeRow(run, row, track(row, run))
  }
}

function concludeRow(run: Run, row: OpenRow, tracked: TrackedEnvelope | undefined): void {
  if (row.id === undefined && tracked?.status !== undefined) {
    const { id, orderNo, status } = tracked
    run.draft.adopted.push({ id, order_no: orderNo, status })
  }
  // Applied by an earlier run, but still open in the table.
  const isStuck = tracked?.appliedMs !== undefined && tracked.appliedMs < run.draft.startedMs
  if (tracked === undefined || isOpen(tracked) || isStuck) noteOpen(run, row, tracked)
}

function noteOpen(
  { draft, settings: { now } }: Run,
  { orderNo, createdMs }: OpenRow | TrackedEnvelope,
  tracked: TrackedEnvelope | undefined,
): void {
  const ageMs = now() - createdMs
  draft.open += 1
  draft.oldestOpenSeconds = Math.max(draft.oldestOpenSeconds ?? 0, Math.floor(ageMs / 1000))
  const isLate = tracked === undefined ? ageMs >= PLAN_ENDS_MS : isOverdue(tracked, now())
  if (!isLate) return
  const { id = null, status = null } = tracked ?? {}
  draft.overdue.push({ id, order_no: orderNo, status, created: Math.floor(createdMs / 1000) })
}

/** The tracked envelope of a row; undefined if the row has no id and no list has shown its order number. */
function track(
  { id, orderNo, createdMs, status }: OpenRow,
  { tracker, settings: { now } }: Run,
): TrackedEnvelope | undefined {
  const head = id === undefined ? tracker.findAdopted(orderNo) : { id, orderNo, createdMs }
  if (head === undefined) return undefined
  const tracked = tracker.track(head)
  if (id !== undefined && status !== undefined) applyLocal(tracked, status, now())
  return tracked
}

/** A run with a range skips all other envelopes, even if they are due. */
function isInRange({ range, draft }: Run, { createdMs }: OpenRow | TrackedEnvelope): boolean {
  const { to = Infinity } = range
  return !isBounded(range) || (createdMs >= draft.from * 1000 && createdMs < (to + 1) * 1000)
}

function isBounded({ from, to }: RunRange): boolean {
  return from !== undefined || to !== undefined
}
