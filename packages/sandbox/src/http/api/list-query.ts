import type { EnvelopeQuery } from '../../engine/envelope-list.ts'
import { STATUSES } from '../../engine/envelopes.ts'
import { isRecord } from '@hongbao/core/internal'
import { ApiError, type CauseName } from './api-error.ts'
import type { QueryParameters } from './query-string.ts'

const DEFAULT_LIMIT = 10
const MAX_LIMIT = 100
// "The last month" (API reference, pagination), taken as 30 days.
const MONTH_SECONDS = 30 * 24 * 60 * 60

/**
 * The query of a list. Unknown parameters are ignored.
 *
 * @param nowSeconds on the sandbox's clock: without `created`, only the last month is listed
 * @throws ApiError `parameter-invalid`
 */
export function readListQuery(query: QueryParameters, nowSeconds: number): EnvelopeQuery {
  const startingAfter = readText(query, 'starting_after')
  const endingBefore = readText(query, 'ending_before')
  if (startingAfter !== undefined && endingBefore !== undefined) {
    throw invalid('ending_before', 'cursors')
  }
  const { limit, app, created } = query
  return {
    limit: limit === undefined ? DEFAULT_LIMIT : readLimit(limit),
    startingAfter,
    endingBefore,
    app: app === undefined ? undefined : readApp(app),
    channel: readText(query, 'channel'),
    status: readStatus(query['status']),
    created: created === undefined ? { gte: nowSeconds - MONTH_SECONDS } : readCreated(created),
  }
}

/** For a cursor without an envelope: if it were ignored, the Go SDK would request one page for ever. */
export function unknownCursor(query: EnvelopeQuery): ApiError {
  const param = query.startingAfter === undefined ? 'ending_before' : 'starting_after'
  return invalid(param, 'cursor-unknown')
}

/** Whether the parameters have `expand[]=app`, or `expand=app` as Python sends it. */
export function expandsApp({ expand }: Readonly<Record<string, unknown>>): boolean {
  if (typeof expand !== 'object' || expand === null) return expand === 'app'
  return Object.values(expand).flat().includes('app')
}

function readLimit(value: unknown): number {
  const limit = readInteger(value) ?? 0
  if (limit >= 1 && limit <= MAX_LIMIT) return limit
  throw invalid('limit', 'limit')
}

function readApp(value: unknown): string {
  const id = isRecord(value) ? value['id'] : undefined
  if (typeof id === 'string' && id !== '') return id
  throw invalid('app[id]', 'app')
}

function readStatus(value: unknown): string | undefined {
  if (value === undefined) return undefined
  const status = STATUSES.find((each) => each === value)
  if (status !== undefined) return status
  throw invalid('status', 'status', { known: STATUSES.join(', ') })
}

function readCreated(value: unknown): NonNullable<EnvelopeQuery['created']> {
  const exact = readInteger(value)
  if (exact !== undefined) return { gte: exact, lte: exact }
  const bounds = isRecord(value) ? Object.entries(value) : []
  if (bounds.length === 0) throw invalid('created', 'time')
  return Object.fromEntries(bounds.map(readBound))
}

function readBound([name, value]: readonly [string, unknown]): [string, number] {
  const seconds = /^[gl]te?$/.test(name) ? readInteger(value) : undefined
  if (seconds === undefined) throw invalid(`created[${name}]`, 'time')
  return [name, seconds]
}

function readText(query: QueryParameters, name: string): string | undefined {
  const value = query[name]
  if (value === undefined || (typeof value === 'string' && value !== '')) return value
  throw invalid(name, 'text')
}

function readInteger(value: unknown): number | undefined {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined
}

function invalid(param: string, cause: CauseName, about: object = {}): ApiError {
  return new ApiError('parameter-invalid', { cause, about: { ...about, param }, param })
}
