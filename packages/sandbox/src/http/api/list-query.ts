import type { EnvelopeQuery } from '../../engine/engine.ts'
import { STATUSES } from '../../engine/envelopes.ts'
import { isRecord } from '../../is-record.ts'
import type { ApiError } from './api-error.ts'
import { invalidParameter } from './parameters.ts'
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
    throw invalid(
      'ending_before',
      '不能与 starting_after 同时使用',
      'cannot be used with starting_after',
    )
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
  return invalid(param, '没有这个红包', 'is not the id of a red envelope')
}

/** Whether the parameters have `expand[]=app`, or `expand=app` as Python sends it. */
export function expandsApp({ expand }: Readonly<Record<string, unknown>>): boolean {
  if (typeof expand !== 'object' || expand === null) return expand === 'app'
  return Object.values(expand).flat().includes('app')
}

function readLimit(value: unknown): number {
  const limit = readInteger(value) ?? 0
  if (limit >= 1 && limit <= MAX_LIMIT) return limit
  throw invalid('limit', '应为 1 到 100 的整数', 'must be an integer from 1 to 100')
}

function readApp(value: unknown): string {
  const id = isRecord(value) ? value['id'] : undefined
  if (typeof id === 'string' && id !== '') return id
  throw invalid('app[id]', '应为应用 ID，如 app[id]=app_…', 'must be an app id: app[id]=app_…')
}

function readStatus(value: unknown): string | undefined {
  if (value === undefined) return undefined
  const status = STATUSES.find((each) => each === value)
  if (status !== undefined) return status
  const known = STATUSES.join(', ')
  throw invalid('status', `应为 ${known} 之一`, `must be one of ${known}`)
}

function readCreated(value: unknown): NonNullable<EnvelopeQuery['created']> {
  const exact = readInteger(value)
  if (exact !== undefined) return { gte: exact, lte: exact }
  const bounds = isRecord(value) ? Object.entries(value) : []
  if (bounds.length === 0) throw invalidTime('created')
  return Object.fromEntries(bounds.map(readBound))
}

function readBound([name, value]: readonly [string, unknown]): [string, number] {
  const seconds = /^[gl]te?$/.test(name) ? readInteger(value) : undefined
  if (seconds === undefined) throw invalidTime(`created[${name}]`)
  return [name, seconds]
}

function readText(query: QueryParameters, name: string): string | undefined {
  const value = query[name]
  if (value === undefined || (typeof value === 'string' && value !== '')) return value
  throw invalid(name, '应为一个非空字符串', 'must be one text that is not empty')
}

function readInteger(value: unknown): number | undefined {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined
}

function invalidTime(param: string): ApiError {
  return invalid(
    param,
    '应为 Unix 时间（秒），或 created[gt|gte|lt|lte]',
    'must be a Unix time in seconds, or created[gt|gte|lt|lte]',
  )
}

function invalid(param: string, zh: string, en: string): ApiError {
  return invalidParameter(param, { zh: `${param} ${zh}`, en: `\`${param}\` ${en}.` })
}
