import { WebhookError, type RedEnvelope } from '@hongbao/core'
import { PingppError, type PingppErrorCode } from '../errors.ts'
import { MAX_RETRY_AFTER_MS } from '../http/retries.ts'
import { OpenError, readTable, searchListsOf, type OpenRow } from './open-envelopes.ts'
import { PLAN_ENDS_MS } from './poll-plan.ts'
import { processEnvelope, type Run } from './processor.ts'
import type { RunRange } from './reconciler-options.ts'
import {
  addToTotals,
  newDraft,
  type ReconcilerReport,
  type ReconcilerRunError,
} from './reconciler-report.ts'
import {
  applyLocal,
  findAdopted,
  isOpen,
  postpone,
  queryMsOf,
  track,
  type TrackedEnvelope,
  type Tracker,
} from './tracker.ts'

/**
 * Reads the table, sweeps, retrieves what is due, searches, concludes. Never rejects: `cause` is what ended
 * the run early, as it was thrown. Earlier runs have swept up to `sweptUntil`, in Unix seconds.
 */
export async function runOnce(
  settings: Run['settings'],
  tracker: Tracker,
  range: RunRange,
  sweptUntil: number,
): Promise<{ readonly report: ReconcilerReport; readonly cause: unknown }> {
  const run = newRun(settings, tracker, range, sweptUntil)
  const { draft, signal } = run
  let cause: unknown
  try {
    signal.throwIfAborted()
    if (settings.open !== undefined) run.table = await readTable(settings.open, signal)
    const failure = await sweep(run)
    await retrieveDue(run)
    const other = await search(run)
    const first = failure ?? other
    if (first !== undefined) throw first
  } catch (error) {
    // `onError` gets what `open` threw.
    cause = error instanceof OpenError ? (error.cause ?? error) : error
    draft.error = explain(error, signal)
  }
  conclude(run)
  draft.durationMs = settings.now() - draft.startedMs
  return { report: draft, cause }
}

function newRun(
  settings: Run['settings'],
  tracker: Tracker,
  range: RunRange,
  sweptUntil: number,
): Run {
  const startedMs = settings.now()
  const { dryRun, to = Math.floor(startedMs / 1000), signal = new AbortController().signal } = range
  const start = Math.floor(Math.min(range.to ?? sweptUntil, sweptUntil) - settings.overlapSeconds)
  const { from = Math.max(0, start) } = range
  const draft = newDraft({ dryRun, startedMs, from, to, sweptUntil })
  const beforeAttempt = async (): Promise<void> => {
    await settings.takeToken(signal)
    draft.requests += 1
  }
  const how = { signal, beforeAttempt }
  return { settings, tracker, table: undefined, draft, range, signal, how }
}

/** Why a run ended early, without the text of errors that are not hongbao's: it may hold a secret. */
function explain(error: unknown, signal: AbortSignal): ReconcilerRunError {
  if (signal.aborted) return { code: 'run-aborted', message: 'The run was stopped before its end.' }
  if (error instanceof PingppError) {
    const { code, message, retryAfterMs } = error
    return { code, message, retryAfterMs }
  }
  if (error instanceof WebhookError || error instanceof OpenError) {
    return { code: error.code, message: error.message }
  }
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
  // Without an end, so that a local clock that is late hides nothing.
  const created = range.to === undefined ? { gte: from } : { gte: from, lte: to }
  const failure = await readList(run, created, (envelope) => {
    addToTotals(draft, envelope)
    return processEnvelope(run, envelope, 'list')
  })
  if (failure === undefined && !dryRun && from <= sweptUntil) {
    draft.sweptUntil = Math.max(sweptUntil, Math.min(to, Math.floor(startedMs / 1000)))
  }
  return failure
}

/**
 * Searches rows without an id that no sweep reaches, because they are older, in the lists of the time at
 * which they were created. Not in every run: Ping++ may not have them.
 */
async function search(run: Run): Promise<PingppError | undefined> {
  const { table, tracker, draft, range, settings } = run
  if (table === undefined || isBounded(range)) return undefined
  const missing = table.rows.filter(
    ({ id, order_no, created }) =>
      id === undefined &&
      created < draft.from &&
      findAdopted(tracker, order_no) === undefined &&
      !tracker.searchedMs.has(order_no),
  )
  // The sweep lists envelopes of `from` itself.
  for (const { rows, gte, lte } of searchListsOf(missing, draft.from - 1)) {
    // oxlint-disable-next-line no-await-in-loop -- one after another: Ping++ limits concurrent requests
    const failure = await readList(run, { gte, lte }, async (envelope) => {
      const row = table.match(envelope)
      // Envelopes of other rows were not searched for.
      if (row !== undefined && row.id === undefined) await processEnvelope(run, envelope, 'list')
    })
    if (failure !== undefined) return failure
    for (const { order_no } of rows) tracker.searchedMs.set(order_no, settings.now())
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
 * Queries the envelopes that are due and were not just listed, the longest due first. Throws the third of
 * several errors in a row: the next query would end with it too.
 */
async function retrieveDue(run: Run): Promise<void> {
  const nowMs = run.settings.now()
  const due = openOf(run)
    .flatMap(({ tracked }) => tracked ?? [])
    .filter((tracked) => isOpen(tracked) && nowMs >= queryMsOf(tracked))
  let inARow = 0
  for (const tracked of due.toSorted((a, b) => queryMsOf(a) - queryMsOf(b))) {
    // oxlint-disable-next-line no-await-in-loop -- one after another: Ping++ limits concurrent requests
    const error = await retrieve(run, tracked)
    inARow = error === undefined || FAILING[error.code] === 'one' ? 0 : inARow + 1
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
    if (!signal.aborted) postpone(tracked, settings)
    const error = ownError(thrown, signal)
    const { id, order_no, status = null } = tracked
    const { code, message } = error
    draft.failed.push({ id, order_no, status, type: null, code, message })
    return error
  }
  draft.retrieved += 1
  await processEnvelope(run, envelope, 'query')
  return undefined
}

function ownError(error: unknown, signal: AbortSignal): PingppError {
  if (signal.aborted || !(error instanceof PingppError)) throw error
  const { code, retryAfterMs = 0 } = error
  if (FAILING[code] === 'all' || retryAfterMs > MAX_RETRY_AFTER_MS) throw error
  return error
}

/** Which requests fail with a code: all of them, or one, however many single ones fail with it. */
const FAILING: Partial<Record<PingppErrorCode, 'all' | 'one'>> = {
  'api-key-invalid': 'all',
  'rate-limited': 'all',
  'pingpp-unreachable': 'all',
  'response-forged': 'all',
  'parameter-invalid': 'one',
  'not-found': 'one',
  'request-invalid': 'one',
  'channel-failed': 'one',
}

/** An open envelope: a row of the merchant's table, or, without a table, a tracked envelope. */
interface OpenEnvelope {
  readonly head: OpenRow | TrackedEnvelope
  /** undefined if the row has no id and no list has shown its order number. */
  readonly tracked: TrackedEnvelope | undefined
}

/** The open envelopes of the range; a run with bounds skips all others, even if they are due. */
function openOf(run: Run): OpenEnvelope[] {
  const { table, tracker, range, draft } = run
  const all: OpenEnvelope[] =
    table === undefined
      ? [...tracker.envelopes.values()].filter(isOpen).map((head) => ({ head, tracked: head }))
      : table.rows.map((head) => ({ head, tracked: trackRow(run, head) }))
  if (!isBounded(range)) return all
  const { to = Infinity } = range
  return all.filter(({ head }) => head.created >= draft.from && head.created <= to)
}

function trackRow({ tracker, settings }: Run, row: OpenRow): TrackedEnvelope | undefined {
  const { id, status } = row
  if (id === undefined) return findAdopted(tracker, row.order_no)
  const tracked = track(tracker, { ...row, id }, settings)
  if (status !== undefined) applyLocal(tracked, status, settings)
  return tracked
}

function isBounded({ from, to }: RunRange): boolean {
  return from !== undefined || to !== undefined
}

/** Reports the envelopes that are open now. */
function conclude(run: Run): void {
  const { draft } = run
  for (const { head, tracked } of openOf(run)) {
    if (head.id === undefined && tracked?.status !== undefined) {
      const { id, order_no, status } = tracked
      draft.adopted.push({ id, order_no, status })
    }
    // Applied by an earlier run, but still open in the table.
    const isStuck = (tracked?.appliedMs ?? Infinity) < draft.startedMs
    if (tracked === undefined || isOpen(tracked) || isStuck) noteOpen(run, head, tracked)
  }
}

function noteOpen(
  { draft, settings }: Run,
  { order_no, created }: OpenEnvelope['head'],
  tracked: TrackedEnvelope | undefined,
): void {
  const nowMs = settings.now()
  const ageSeconds = Math.floor(nowMs / 1000 - created)
  draft.open += 1
  draft.oldestOpenSeconds = Math.max(draft.oldestOpenSeconds ?? 0, ageSeconds)
  const { id = null, status = null, dueMs = 0 } = tracked ?? {}
  // A due time counts from when Ping++ created the envelope, which may be hours after the row was created.
  const endsMs = (tracked?.created ?? created) * 1000 + PLAN_ENDS_MS
  if (Math.max(dueMs, nowMs) >= endsMs) draft.overdue.push({ id, order_no, status, created })
}
