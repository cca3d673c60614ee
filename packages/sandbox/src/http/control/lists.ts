import type { Context } from 'hono'
import type { EnvelopeEntry } from '../../engine/envelopes.ts'
import type { LoggedRequest } from '../../engine/request-log.ts'
import { invalidOption } from '../../errors.ts'
import type { SandboxEvent } from '../../events/sandbox-event.ts'
import { anyText, readFields } from './fields.ts'
import type { EnvelopeView, EventView, ListAnswer, ListQuery, RequestView } from './types.ts'
import { faultsOf, viewEnvelope, viewEvent, viewRequest } from './views.ts'

interface List<Item, View> {
  readonly idOf: (item: Item) => string
  /** Field of a search → its text. */
  readonly searchable: (item: Item) => Readonly<Record<string, string | undefined>>
  readonly view: (item: Item) => View
}

export const EVENTS: List<SandboxEvent, EventView> = {
  idOf: ({ id }) => id,
  searchable: ({ id, from, type, status, orderNo: order, envelope, attempts }) => {
    const last = attempts.at(-1)
    const isFailed = status === 'exhausted' || (status === 'pending' && last !== undefined)
    const result = [status, isFailed && 'failed', last?.response?.status, last?.errorCode]
    const fault = faultsOf({ attempts }).join(' ')
    return { id: wordsOf([id, from]), type, status: wordsOf(result), order, envelope, fault }
  },
  view: viewEvent,
}

export const ENVELOPES: List<EnvelopeEntry, EnvelopeView> = {
  idOf: ({ envelope }) => envelope.id,
  searchable: ({ envelope: { id, status, order_no: order } }) => ({ id, status, order }),
  view: viewEnvelope,
}

export const REQUESTS: List<LoggedRequest, RequestView> = {
  idOf: ({ id }) => id,
  searchable: ({ id, method, path, status, signature, orderNo: order, envelope, faults }) => {
    const isRefused = status === 0 || status >= 400
    const result = [status, isRefused ? 'failed' : 'ok', `signature-${signature}`]
    const about = { type: `${method} ${path}`, status: wordsOf(result), fault: faults.join(' ') }
    return { id, order, envelope, ...about }
  },
  view: viewRequest,
}

function wordsOf(words: readonly (string | number | false | undefined)[]): string {
  return words.filter(Boolean).join(' ')
}

export const LIST_QUERY: Readonly<Record<keyof ListQuery, typeof anyText>> = {
  limit: anyText,
  before: anyText,
  q: anyText,
}

const MAX_LIMIT = 1000

/** Answers a page of items that all match. */
export function answerList<Item, View>(
  c: Context,
  items: readonly Item[],
  list: List<Item, View>,
): Response {
  return c.json(pageOf(items, readFields(c.req.query(), LIST_QUERY), list))
}

/**
 * The latest items that match, oldest first. The item of a cursor need not match any more.
 *
 * @throws Refusal
 */
export function pageOf<Item, View>(
  items: readonly Item[],
  { limit = '100', before, q = '' }: ListQuery,
  { idOf, searchable, view }: List<Item, View>,
  isMatch: (item: Item) => boolean = () => true,
): ListAnswer<View> {
  const most = /^\d{1,4}$/.test(limit) ? Number(limit) : 0
  if (most < 1 || most > MAX_LIMIT) throw invalidOption('limit', `from 1 to ${MAX_LIMIT}`)
  // The item of a cursor may have been removed, and then all that were older.
  const end = before === undefined ? items.length : items.findIndex((item) => idOf(item) === before)
  const words = q.toLowerCase().split(/\s+/).filter(Boolean)
  const found = items
    .slice(0, Math.max(0, end))
    .filter((item) => isMatch(item) && (words.length === 0 || isFound(searchable(item), words)))
  const page = found.slice(-most)
  const [first] = page
  const isLast = first === undefined || found.length === page.length
  return { data: page.map(view), before: isLast ? null : idOf(first) }
}

/** Whether every word occurs: `order:12` in the order number, `12` in any field; `fault:` finds any fault. */
function isFound(
  fields: Readonly<Record<string, string | undefined>>,
  words: readonly string[],
): boolean {
  return words.every((word) => {
    const [, name = '', rest = ''] = /^([a-z]+):(.*)$/.exec(word) ?? []
    const isNamed = Object.hasOwn(fields, name)
    const texts = isNamed ? [fields[name]] : Object.values(fields)
    return texts.some((each) => each && each.toLowerCase().includes(isNamed ? rest : word))
  })
}
