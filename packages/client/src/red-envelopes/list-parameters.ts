import type { RedEnvelopeStatus } from '@hongbao/core'
import { isId, isRecord } from '@hongbao/core/internal'
import { PingppError } from '../errors.ts'
import type { ExtraParams } from '../options.ts'
import { findDocumented, findFlaw, isText, withExtra, type Documented } from './parameters.ts'
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

const CURSOR = 'the id of an envelope, "red_…"'
const TIME =
  'Unix time in seconds, not milliseconds: a whole number, or a range of them, { gte, lt }'

const LIST: Documented = {
  optional: [
    ['app', '{ id: "app_…" }', (app) => isRecord(app) && isId(app['id'])],
    ['limit', 'a whole number from 1 to 100', (size) => isWhole(size, 1, 100)],
    ['starting_after', CURSOR, isId],
    ['ending_before', CURSOR, isId],
    ['ending_before', 'without `starting_after`', (_, query) => !isGiven(query['starting_after'])],
    ['channel', 'a text', isText],
    ['status', 'a text', isText],
    ['created', TIME, (created) => timesOf(created).every(isTime)],
  ],
  names: ['app[id]', 'created[gt]', 'created[gte]', 'created[lt]', 'created[lte]'],
}

export interface ListQuery {
  /** Whether pages go into the past, as they do without `ending_before`. */
  readonly isBackwards: boolean
  /** The envelope beyond which the first page is. */
  readonly start: string | undefined
  readonly pathTo: (cursor: string | undefined) => string
}

/** Reads the query of a list at once: changes that the caller makes to it later have no effect. */
export function readListQuery(
  query: RedEnvelopeListParams,
  defaultApp: RedEnvelopeListParams['app'],
  extraParams: ExtraParams = {},
): ListQuery {
  const flaw = findFlaw('list', query, LIST) ?? findDocumented(extraParams, LIST)
  if (flaw !== undefined) throw new PingppError('parameter-invalid', flaw)
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

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

function timesOf(created: unknown): unknown[] {
  const isRange = isRecord(created) && !(created instanceof Date)
  return isRange ? Object.values(created).filter(isGiven) : [created]
}

/** The year 5138 in seconds is the limit: in milliseconds every time since 1973 is above it. */
function isTime(value: unknown): boolean {
  return isWhole(value, 0, 1e11)
}

function isWhole(value: unknown, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max
}
