import type { RedEnvelopeStatus } from '@hongbao/core'
import { isRecord, readEach } from '@hongbao/core/internal'
import { PingppError, type PingppErrorFacts } from '../errors.ts'
import type { ExtraParams } from '../options.ts'
import { findDocumented, findUnknown, withExtra } from './known-parameters.ts'
import { encodeQuery } from './query.ts'
import { isId } from './red-envelope.ts'

/**
 * The documented parameters of a list (API reference, "查询 Red Envelope 对象列表" and "分页"). Any other
 * is refused: see `extraParams` of the call.
 */
export interface RedEnvelopeListParams {
  /** Default: the `app` of the client. Ping++'s current documents require one. */
  readonly app?: { readonly id: string }
  /** Size of a page, 1 to 100. Default: Ping++'s 10. */
  readonly limit?: number
  /** Id of the envelope after which the page starts: further into the past. */
  readonly starting_after?: string
  /** Id of the envelope before which the page ends: pages then go towards the present. */
  readonly ending_before?: string
  readonly channel?: string
  readonly status?: RedEnvelopeStatus
  /** Unix seconds, exact or as a range. Without it, Ping++ lists the last month only. */
  readonly created?:
    | number
    | {
        readonly gt?: number
        readonly gte?: number
        readonly lt?: number
        readonly lte?: number
      }
}

/** A query that was checked and written. */
export interface ListQuery {
  /** Whether pages go into the past, as they do without `ending_before`. */
  readonly isBackwards: boolean
  /** The envelope beyond which the first page is. */
  readonly start: string | undefined
  /** The path of the page beyond an envelope, or of the very first one. */
  readonly pathTo: (cursor: string | undefined) => string
}

/**
 * Reads the query of a list at once: changes that the caller makes to it later have no effect.
 *
 * @throws PingppError `parameter-invalid`
 */
export function readListQuery(
  query: RedEnvelopeListParams,
  defaultApp: RedEnvelopeListParams['app'],
  extraParams: ExtraParams = {},
): ListQuery {
  check(query, extraParams)
  const { starting_after: after, ending_before: before, ...rest } = query
  const isBackwards = !isGiven(before)
  const filters = encodeQuery(withExtra({ ...rest, app: rest.app ?? defaultApp }, extraParams))
  return { isBackwards, start: (isBackwards ? after : before) ?? undefined, pathTo }

  function pathTo(cursor: string | undefined): string {
    const place = encodeQuery({ [isBackwards ? 'starting_after' : 'ending_before']: cursor })
    const written = [filters, place].filter((part) => part !== '').join('&')
    return written === '' ? '/red_envelopes' : `/red_envelopes?${written}`
  }
}

const CURSOR = must('the id of an envelope, "red_…"', isId)
const TEXT = must('a text', (value) => typeof value === 'string' && value !== '')

const READERS = {
  app: must('{ id: "app_…" }', (app) => isRecord(app) && isId(app['id'])),
  limit: must(
    'a whole number from 1 to 100',
    (size) => Number.isInteger(size) && Number(size) >= 1 && Number(size) <= 100,
  ),
  starting_after: CURSOR,
  ending_before: CURSOR,
  channel: TEXT,
  status: TEXT,
  created: must(
    'Unix time in seconds, not milliseconds: a whole number, or a range of them, { gte, lt }',
    (value) => timesOf(value).every(isTime),
  ),
}

const BOUNDS = ['gt', 'gte', 'lt', 'lte'].map((bound) => `created[${bound}]`)
const KNOWN = [...Object.keys(READERS), 'app[id]', ...BOUNDS]

/** Refuses a query that Ping++ would not accept, and the first parameter that is not documented. */
function check(query: RedEnvelopeListParams, extraParams: ExtraParams): void {
  if (!isRecord(query)) throw invalid({ detail: '`list` expects an object.' })
  const flaw = findUnknown(query, KNOWN) ?? findDocumented(extraParams, KNOWN)
  if (flaw !== undefined) throw invalid(flaw)
  const { starting_after: after, ending_before: before } = readEach(query, READERS)
  if (isGiven(after) && isGiven(before)) {
    const detail = '`starting_after` and `ending_before` exclude each other.'
    throw invalid({ param: 'ending_before', detail })
  }
}

/** A parameter that must pass a test, if it is there. */
function must(
  expected: string,
  passes: (value: unknown) => boolean,
): (value: unknown, param: string) => unknown {
  return function readParameter(value, param) {
    if (!isGiven(value) || passes(value)) return value
    throw invalid({ param, detail: `\`${param}\` must be ${expected}.` })
  }
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

function timesOf(created: unknown): unknown[] {
  const isRange = isRecord(created) && !(created instanceof Date)
  return isRange ? Object.values(created).filter(isGiven) : [created]
}

/** The year 5138 in seconds is the limit: in milliseconds every time since 1973 is above it. */
function isTime(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) < 1e11
}

function invalid(facts: PingppErrorFacts): PingppError {
  return new PingppError('parameter-invalid', facts)
}
