import type { RedEnvelopeStatus } from '@hongbao/core'
import { isJsonObject } from '../http/answer.ts'
import { isId } from './red-envelope.ts'
import { PingppError, type PingppErrorFacts } from '../errors.ts'
import type { ExtraParams } from '../options.ts'
import { findDocumented, findUnknown, withExtra, type KnownParameters } from './known-parameters.ts'
import { encodeQuery } from './query.ts'

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

/** A query that was checked and written: the path of each of its pages. */
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
  const filters = writeQuery(withExtra({ ...rest, app: rest.app ?? defaultApp }, extraParams))
  return { isBackwards, start: (isBackwards ? after : before) ?? undefined, pathTo }

  function pathTo(cursor: string | undefined): string {
    const place = writeQuery({ [isBackwards ? 'starting_after' : 'ending_before']: cursor })
    const written = [filters, place].filter((part) => part !== '').join('&')
    return written === '' ? '/red_envelopes' : `/red_envelopes?${written}`
  }
}

/** @throws PingppError `parameter-invalid` */
export function writeExtraQuery(extraParams: ExtraParams = {}): string {
  const flaw = findDocumented(extraParams, {})
  if (flaw !== undefined) throw new PingppError('parameter-invalid', flaw)
  return writeQuery(extraParams)
}

function writeQuery(query: ExtraParams): string {
  try {
    return encodeQuery(query)
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : undefined
    throw new PingppError('parameter-invalid', { detail }, { cause })
  }
}

/** What is wrong with a value, as the end of a sentence that starts with its name. */
type Check = (value: unknown) => string | undefined

interface Rule {
  readonly check: Check
  /** Names of members, if the parameter may be an object. */
  readonly members?: readonly string[]
}

const CURSOR = { check: must(isId, 'the id of an envelope, "red_…"') }
const TEXT = { check: must((value) => typeof value === 'string' && value !== '', 'a text') }

const RULES: Readonly<Record<keyof RedEnvelopeListParams, Rule>> = {
  app: {
    check: must((app) => isJsonObject(app) && isId(app['id']), '{ id: "app_…" }'),
    members: ['id'],
  },
  limit: {
    check: must(
      (size) => Number.isInteger(size) && Number(size) >= 1 && Number(size) <= 100,
      'a whole number from 1 to 100',
    ),
  },
  starting_after: CURSOR,
  ending_before: CURSOR,
  channel: TEXT,
  status: TEXT,
  created: { check: findCreatedProblem, members: ['gt', 'gte', 'lt', 'lte'] },
}
const KNOWN: KnownParameters = Object.fromEntries(
  Object.entries(RULES).map(([name, { members = [] }]) => [name, members]),
)

/** The first thing wrong with a query; undefined if Ping++ would accept it. */
function findListFlaw(query: unknown): PingppErrorFacts | undefined {
  if (!isJsonObject(query)) return { detail: '`list` expects an object.' }
  const unknown = findUnknown(query, KNOWN)
  if (unknown !== undefined) return unknown
  for (const [param, { check }] of Object.entries(RULES)) {
    const value = query[param] ?? undefined
    const problem = value === undefined ? undefined : check(value)
    if (problem !== undefined) return { param, detail: `\`${param}\` ${problem}` }
  }
  const { starting_after: after, ending_before: before } = query
  if ((after ?? undefined) === undefined || (before ?? undefined) === undefined) return undefined
  const detail = '`starting_after` and `ending_before` exclude each other.'
  return { param: 'ending_before', detail }
}

function must(isValid: (value: unknown) => boolean, expected: string): Check {
  return (value) => (isValid(value) ? undefined : `must be ${expected}.`)
}

function findCreatedProblem(value: unknown): string | undefined {
  if (!isJsonObject(value) || value instanceof Date) return findTimeProblem(value)
  const bounds = Object.values(value).filter((bound) => bound !== undefined && bound !== null)
  return bounds.map(findTimeProblem).find((problem) => problem !== undefined)
}

// The year 5138 in seconds; in milliseconds every time since 1973 is above it.
const MAX_TIME_SECONDS = 1e11

function findTimeProblem(value: unknown): string | undefined {
  if (!Number.isSafeInteger(value) || Number(value) < 0) {
    return 'must be Unix seconds, a whole number, or a range of them: { gte, lt }.'
  }
  return Number(value) < MAX_TIME_SECONDS ? undefined : 'is in milliseconds; seconds are expected.'
}
