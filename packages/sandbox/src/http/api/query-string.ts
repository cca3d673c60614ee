import qs from 'qs'
import { ApiError } from './api-error.ts'
import type { Text } from './language.ts'

/** Parameters by name; what stood in brackets is an object. */
export type QueryParameters = Readonly<Record<string, unknown>>

/**
 * Reads `app[id]=…&created[gte]=…`, with brackets raw (Ruby) or as `%5B` (all others). `expand[]`
 * becomes an object too, so that `metadata[0]=…` stays one.
 *
 * @throws ApiError `request-unreadable` for what is no UTF-8 (GBK, say) and for what no merchant sends:
 * over 200 parameters, or deeper than three brackets
 */
export function readQueryString(text: string): QueryParameters {
  try {
    decodeURIComponent(text)
  } catch {
    throw unreadable({
      zh: '百分号编码不是 UTF-8',
      en: 'its percent-encoding is not that of UTF-8',
    })
  }
  try {
    return qs.parse(text, BOUNDS)
  } catch {
    throw unreadable({
      zh: '参数过多或嵌套过深',
      en: 'it has too many parameters, or too deep ones',
    })
  }
}

const BOUNDS = {
  parseArrays: false,
  depth: 3,
  strictDepth: true,
  parameterLimit: 200,
  throwOnLimitExceeded: true,
}

export function unreadable(cause: Text): ApiError {
  return new ApiError('request-unreadable', { about: { cause } })
}
