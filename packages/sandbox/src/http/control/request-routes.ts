import { Hono } from 'hono'
import type { Engine } from '../../engine/engine.ts'
import type { KeptBody, LoggedRequest } from '../../engine/request-log.ts'
import { maskKeys } from '../../mask-keys.ts'
import { quote, Refusal } from '../../errors.ts'
import { isoTime } from '../../clock/duration.ts'
import { refuseUnknown } from './fields.ts'
import { pageOf, type Pages } from './page.ts'
import type { BodyView, RequestDetail, RequestView } from './types.ts'

/** `/requests`: the latest requests of the API. */
export function requestRoutes({ requests, journal }: Engine): Hono {
  return new Hono()
    .get('/', (c) => {
      refuseUnknown(c.req.query(), ['limit', 'before', 'q'])
      return c.json(pageOf(requests.list(), c.req.query(), REQUEST_PAGES))
    })
    .get('/:id', (c) => {
      const request = requests.find(c.req.param('id'))
      if (request === undefined) {
        throw new Refusal('request-unknown', { asked: quote(c.req.param('id')) })
      }
      return c.json(detailRequest(request, journal))
    })
}

const REQUEST_PAGES: Pages<LoggedRequest, RequestView> = {
  idOf: ({ id }) => id,
  searchable: ({ id, method, path, status, orderNo, envelope, faults }) => ({
    id,
    path: `${method} ${path}`,
    status: String(status),
    order: orderNo,
    envelope,
    fault: faults.join(' '),
  }),
  view: viewRequest,
}

function viewRequest(request: LoggedRequest): RequestView {
  const { atMs, headers: _headers, body: _body, response: _response, ...rest } = request
  const { reason = null, operation = null, envelope = null, orderNo = null } = request
  return { ...rest, at: isoTime(atMs), reason, operation, envelope, orderNo }
}

/** What it caused is in the records that name it. */
function detailRequest(request: LoggedRequest, journal: Engine['journal']): RequestDetail {
  const { id, headers, body, response } = request
  const records = journal.since(0)
  return {
    ...viewRequest(request),
    headers,
    body: viewBody(body),
    response:
      response === undefined ? null : { headers: response.headers, body: viewBody(response.body) },
    changes: records.flatMap((record) => {
      if (record.type !== 'envelope.changed' || record.request !== id) return []
      const { envelope, orderNo, status } = record
      return [{ envelope, orderNo, status }]
    }),
    events: records.flatMap((record) =>
      record.type === 'event.created' && record.request === id ? [record.event] : [],
    ),
  }
}

function viewBody({ beginning, bytes }: KeptBody): BodyView {
  return { text: maskKeys(beginning.toString()), bytes, truncated: beginning.length < bytes }
}
