import { readStrictJson } from '@hongbao/core/internal'
import type { RedEnvelope } from '@hongbao/core'
import type { Engine } from '../../engine/engine.ts'
import type { SandboxEvent } from '../../events/sandbox-event.ts'
import type { FaultyRequest } from '../../faults/faults.ts'
import { ApiError } from './api-error.ts'
import { expandsApp, readListQuery, unknownCursor } from './list-query.ts'
import { readCreateParameters, readParameters } from './parameters.ts'
import { readQueryString, type QueryParameters } from './query-string.ts'
import type { ApiRequest } from './request.ts'

/** A request that was read and checked, and is not carried out yet. */
export interface Task extends FaultyRequest {
  /** @throws ApiError */
  readonly run: () => object
}

export interface Call {
  readonly request: ApiRequest
  readonly body: Uint8Array
  /** The id in the path, or empty. */
  readonly id: string
}

/** Reads a request. @throws ApiError */
export type ReadTask = (engine: Engine, call: Call) => Task

/** `POST /v1/red_envelopes` */
export function readCreate(engine: Engine, { request, body }: Call): Task {
  const sent = readParameters(body, request.header('content-type'))
  const parameters = readCreateParameters(sent)
  const orderNo = parameters.order_no
  return {
    operation: 'create',
    envelope: engine.find(orderNo)?.id,
    orderNo,
    run() {
      const creation = engine.create(parameters, request.id)
      if (creation.outcome !== 'conflict') return expand(creation.envelope, sent)
      throw new ApiError('order-used', { about: { orderNo }, param: 'order_no' })
    },
  }
}

/** `GET /v1/red_envelopes/:id` */
export function readRetrieve(engine: Engine, { request, id }: Call): Task {
  const query = queryOf(request)
  // `find` also accepts order numbers, which Ping++ does not.
  const found = engine.find(id)
  const known = found?.id === id ? found : undefined
  return {
    operation: 'retrieve',
    envelope: known?.id,
    orderNo: known?.order_no,
    run() {
      const envelope = known === undefined ? undefined : engine.retrieve(id, request.id)
      if (envelope === undefined) throw notFound('red_envelope', id)
      return expand(envelope, query)
    },
  }
}

/** `GET /v1/red_envelopes` */
export function readList(engine: Engine, { request }: Call): Task {
  const parameters = queryOf(request)
  const query = readListQuery(parameters, Math.floor(engine.clock.now() / 1000))
  return {
    operation: 'list',
    run() {
      const page = engine.envelopes.list(query)
      if (page === undefined) throw unknownCursor(query)
      return {
        object: 'list',
        // A path: Python, Ruby and PHP put their base URL before it.
        url: '/v1/red_envelopes',
        has_more: page.hasMore,
        data: page.data.map((envelope) => expand(envelope, parameters)),
      }
    },
  }
}

/** `GET /v1/events/:id` */
export function readRetrieveEvent(engine: Engine, { id }: Call): Task {
  const event = engine.event(id)
  return {
    operation: 'retrieve-event',
    envelope: event?.envelope,
    orderNo: event?.orderNo,
    run() {
      if (event === undefined) throw notFound('event', id)
      return eventObject(event)
    },
  }
}

export function readUnknown(_engine: Engine, { request }: Call): Task {
  const [path = ''] = request.target.split('?', 1)
  throw new ApiError('route-unknown', { about: { method: request.method, path } })
}

function queryOf({ target }: ApiRequest): QueryParameters {
  const start = target.indexOf('?')
  return start === -1 ? {} : readQueryString(target.slice(start + 1))
}

function expand(envelope: RedEnvelope, params: Readonly<Record<string, unknown>>): RedEnvelope {
  if (typeof envelope.app !== 'string' || !expandsApp(params)) return envelope
  const app = { id: envelope.app, object: 'app', livemode: envelope.livemode }
  return { ...envelope, app }
}

/** The event as it is sent, except for `pending_webhooks`. */
function eventObject(event: SandboxEvent): object {
  const json = readStrictJson(event.bytes)
  if (!json.ok || typeof json.value !== 'object') throw new Error('An event is not a JSON object.')
  return { ...json.value, pending_webhooks: pendingWebhooks(event) }
}

/** Number of webhooks that did not receive it ("推送未成功的 webhooks 数量"), given up or not. */
function pendingWebhooks({ status, attempts }: SandboxEvent): number {
  const hadNoTarget = status === 'undelivered' && attempts.length === 0
  return status === 'delivered' || hadNoTarget ? 0 : 1
}

function notFound(kind: string, id: string): ApiError {
  return new ApiError('not-found', { about: { kind, id }, param: 'id' })
}
