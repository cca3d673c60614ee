import { isRecord } from '@hongbao/core/internal'
import { ApiError } from './api-error.ts'

/** Parameters by name; names with brackets become objects. */
export type QueryParameters = Readonly<Record<string, unknown>>

const MAX_PARAMETERS = 200
const MAX_BRACKETS = 3

/**
 * Reads `app[id]=…&created[gte]=…`, with brackets raw (Ruby) or as `%5B` (all others). `expand[]=app`
 * becomes an object too, so that `metadata[0]=…` stays one. A name that comes twice has a list.
 *
 * @throws ApiError `request-unreadable` for an encoding other than UTF-8 (GBK, for example), for over
 * 200 parameters, and for more than three brackets
 */
export function readQueryString(text: string): QueryParameters {
  try {
    decodeURIComponent(text)
  } catch {
    throw new ApiError('request-unreadable', { cause: 'percent-encoding' })
  }
  const pairs = [...new URLSearchParams(text)]
  const params = newObject()
  for (const [name, value] of pairs) {
    const [, root = name, brackets = ''] = /^([^[\]]+)((?:\[[^[\]]*\])+)$/.exec(name) ?? []
    const path = Array.from(brackets.matchAll(/\[(.*?)\]/g), ([, key]) => key || '0')
    if (pairs.length > MAX_PARAMETERS || path.length > MAX_BRACKETS) {
      throw new ApiError('request-unreadable', { cause: 'too-many-parameters' })
    }
    addTo(params, [root, ...path], value)
  }
  return params
}

function addTo(object: Record<string, unknown>, path: readonly string[], value: string): void {
  const [key = '', ...rest] = path
  const before = object[key]
  if (rest.length === 0) {
    object[key] = before === undefined ? value : [before, value].flat()
    return
  }
  const nested = isRecord(before) ? Object.assign(newObject(), before) : newObject()
  object[key] = nested
  addTo(nested, rest, value)
}

/** Without a prototype, so that every name is safe. */
function newObject(): Record<string, unknown> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an object without members
  return Object.create(null) as Record<string, unknown>
}
