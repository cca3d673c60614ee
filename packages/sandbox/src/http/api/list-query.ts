import type { EnvelopeQuery } from '../../engine/engine.ts'
import { invalidParameter } from './parameters.ts'
import { isRecord, type QueryParameters } from './query-string.ts'
import type { ApiError } from './api-error.ts'
import type { Text } from './language.ts'

type CreatedRange = NonNullable<EnvelopeQuery['created']>

const DEFAULT_LIMIT = 10
const MAX_LIMIT = 100
const BOUNDS = ['gt', 'gte', 'lt', 'lte'] as const
const STATUSES = ['sending', 'sent', 'received', 'failed', 'refunding', 'refund']
// "The last month" (API reference, pagination), taken as 30 days.
const MONTH_SECONDS = 30 * 24 * 60 * 60

/**
 * What a list is narrowed to. Unknown parameters are ignored; known ones are taken at their word.
 *
 * @param nowSeconds on the sandbox's clock: without `created`, the last month alone is listed
 * @throws ApiError `parameter-invalid`
 */
export function readListQuery(query: QueryParameters, nowSeconds: number): EnvelopeQuery {
  const startingAfter = readText(query, 'starting_after')
  const endingBefore = readText(query, 'ending_before')
  if (startingAfter !== undefined && endingBefore !== undefined) {
    throw invalid(
      'ending_before',
      '不能与 starting_after 同时使用',
      'cannot go with starting_after',
    )
  }
  return {
    limit: readLimit(query['limit']),
    startingAfter,
    endingBefore,
    app: readApp(query['app']),
    channel: readText(query, 'channel'),
    status: readStatus(query['status']),
    created: readCreated(query['created']) ?? { gte: nowSeconds - MONTH_SECONDS },
  }
}

/** The cursor of a query that led nowhere. Ignoring it would make the Go SDK ask for the same page for ever. */
export function unknownCursor(query: EnvelopeQuery): ApiError {
  const param = query.startingAfter === undefined ? 'ending_before' : 'starting_after'
  return invalid(param, '没有这个红包', 'is no red envelope')
}

/** Tells whether `expand[]=app`, or `expand=app` as Python sends it, is among the parameters. */
export function expandsApp(params: Readonly<Record<string, unknown>>): boolean {
  const { expand } = params
  if (typeof expand === 'string') return expand === 'app'
  return (
    typeof expand === 'object' && expand !== null && Object.values(expand).flat().includes('app')
  )
}

function readLimit(value: unknown): number {
  if (value === undefined) return DEFAULT_LIMIT
  const limit = readInteger(value)
  if (limit !== undefined && limit >= 1 && limit <= MAX_LIMIT) return limit
  throw invalid('limit', '应为 1 到 100 的整数', 'must be an integer from 1 to 100')
}

function readApp(value: unknown): string | undefined {
  if (value === undefined) return undefined
  const id = isRecord(value) ? value['id'] : undefined
  if (typeof id === 'string' && id !== '') return id
  throw invalid(
    'app[id]',
    '应为应用 ID，如 app[id]=app_…',
    'must be the id of an app: app[id]=app_…',
  )
}

function readStatus(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && STATUSES.includes(value)) return value
  const known = STATUSES.join(', ')
  throw invalid('status', `应为 ${known} 之一`, `must be one of ${known}`)
}

function readCreated(value: unknown): CreatedRange | undefined {
  if (value === undefined) return undefined
  const exact = readInteger(value)
  if (exact !== undefined) return { gte: exact, lte: exact }
  const bounds = isRecord(value) ? Object.entries(value).map(readBound) : []
  if (bounds.length > 0) return Object.fromEntries(bounds)
  throw invalidTime('created')
}

function readBound([name, value]: readonly [string, unknown]): [string, number] {
  const seconds = BOUNDS.some((bound) => bound === name) ? readInteger(value) : undefined
  if (seconds === undefined) throw invalidTime(`created[${name}]`)
  return [name, seconds]
}

function readText(query: QueryParameters, name: string): string | undefined {
  const value = query[name]
  if (value === undefined || (typeof value === 'string' && value !== '')) return value
  throw invalid(name, '应为一个非空字符串', 'must be a text, once')
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
  const cause: Text = { zh: `${param} ${zh}`, en: `\`${param}\` ${en}.` }
  return invalidParameter(param, cause)
}
