import type { RedEnvelopeStatus } from '@hongbao/core'
import { isRecord } from '@hongbao/core/internal'
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
  const flaw = findListFlaw(query) ?? findDocumented(extraParams, KNOWN)
  if (flaw !== undefined) throw new PingppError('parameter-invalid', flaw)
  const { starting_after: after, ending_before: before, ...rest } = query
  const isBackwards = (before ?? undefined) === undefined
  const filters = encodeQuery(withExtra({ ...rest, app: rest.app ?? defaultApp }, extraParams))
  return { isBackwards, start: (isBackwards ? after : before) ?? undefined, pathTo }

  function pathTo(cursor: string | undefined): string {
    const place = encodeQuery({ [isBackwards ? 'starting_after' : 'ending_before']: cursor })
    const written = [filters, place].filter((part) => part !== '').join('&')
    return written === '' ? '/red_envelopes' : `/red_envelopes?${written}`
  }
}

/** What is wrong with a value, as the end of a sentence that starts with its name. */
type Check = (value: unknown) => string | undefined

const isCursor = must('the id of an envelope, "red_…"', isId)
const isText = must('a text', (value) => typeof value === 'string' && value !== '')

const RULES: Readonly<Record<keyof RedEnvelopeListParams, Check>> = {
  app: must('{ id: "app_…" }', (app) => isRecord(app) && isId(app['id'])),
  limit: must(
    'a whole number from 1 to 100',
    (size) => Number.isInteger(size) && Number(size) >= 1 && Number(size) <= 100,
  ),
  starting_after: isCursor,
  ending_before: isCursor,
  channel: isText,
  status: isText,
  created: findCreatedProblem,
}

const BOUNDS = ['gt', 'gte', 'lt', 'lte'].map((bound) => `created[${bound}]`)
const KNOWN = [...Object.keys(RULES), 'app[id]', ...BOUNDS]

/** The first thing wrong with a query; undefined if Ping++ would accept it. */
function findListFlaw(query: unknown): PingppErrorFacts | undefined {
  if (!isRecord(query)) return { detail: '`list` expects an object.' }
  const unknown = findUnknown(query, KNOWN)
  if (unknown !== undefined) return unknown
  for (const [param, check] of Object.entries(RULES)) {
    const value = query[param] ?? undefined
    const problem = value === undefined ? undefined : check(value)
    if (problem !== undefined) return { param, detail: `\`${param}\` ${problem}` }
  }
  const { starting_after: after, ending_before: before } = query
  if ((after ?? undefined) === undefined || (before ?? undefined) === undefined) return undefined
  const detail = '`starting_after` and `ending_before` exclude each other.'
  return { param: 'ending_before', detail }
}

function must(expected: string, isValid: (value: unknown) => boolean): Check {
  return (value) => (isValid(value) ? undefined : `must be ${expected}.`)
}

function findCreatedProblem(value: unknown): string | undefined {
  const times = isRecord(value) && !(value instanceof Date) ? Object.values(value) : [value]
  const given = times.filter((time) => time !== undefined && time !== null)
  return given.map(findTimeProblem).find((problem) => problem !== undefined)
}

// The year 5138 in seconds; in milliseconds every time since 1973 is above it.
const MAX_TIME_SECONDS = 1e11

function findTimeProblem(value: unknown): string | undefined {
  if (!Number.isSafeInteger(value) || Number(value) < 0) {
    return 'must be Unix seconds, a whole number, or a range of them: { gte, lt }.'
  }
  return Number(value) < MAX_TIME_SECONDS ? undefined : 'is in milliseconds; seconds are expected.'
}
