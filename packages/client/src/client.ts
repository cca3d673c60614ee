import type { RedEnvelope, WebhookEvent } from '@hongbao/core'
import { createSend } from './calls.ts'
import { writeEnvelope, type CreateRedEnvelope } from './create-parameters.ts'
import { readEnvelopeList } from './envelope-list.ts'
import { isId, readEnvelope } from './envelope.ts'
import { ClientError } from './errors.ts'
import { readEvent } from './event.ts'
import { readListQuery, type ListRedEnvelopes } from './list-query.ts'
import { readOptions, type ClientOptions, type RequestOptions } from './options.ts'
import { createPagedList, type PagedList } from './pages.ts'
import { waitByTimer, type RetrySeams } from './retries.ts'

/** The red-envelope API of Ping++ (guide, steps 1 to 3, and "红包查询"). */
export interface Client {
  readonly redEnvelopes: {
    /**
     * Sends money: creates an envelope, which starts as `sending`. Safe to repeat with the same
     * `order_no`, which Ping++ pays once; never with a new one.
     *
     * @throws ClientError; where nobody knows whether the envelope was made, `outcomeUnknown` is true
     */
    create(parameters: CreateRedEnvelope, options?: RequestOptions): Promise<RedEnvelope>
    /**
     * Asks for the state of an envelope, which counts as much as a webhook (guide, note 6). In test
     * mode the first time sends `red_envelope.sent`, and the second `red_envelope.received` (note 4).
     *
     * @throws ClientError
     */
    retrieve(id: string, options?: RequestOptions): Promise<RedEnvelope>
    /**
     * One page when awaited, all envelopes when iterated over; newest first. What is wrong with the
     * query is told there too.
     */
    list(query?: ListRedEnvelopes, options?: RequestOptions): PagedList<RedEnvelope>
  }
  readonly events: {
    /**
     * Asks for an event; checked as one that came as a webhook.
     *
     * @throws ClientError
     */
    retrieve(id: string, options?: RequestOptions): Promise<WebhookEvent>
  }
}

/**
 * Creates a client.
 *
 * @throws OptionError for a wrong option, or a key that cannot be used
 */
export function createClient(options: ClientOptions): Client {
  return createClientWith(options, { wait: waitByTimer, random: Math.random })
}

/** `createClient` with the waits of its retries in the hands of a test. Not exported by the package. */
export function createClientWith(
  options: ClientOptions,
  seams: Pick<RetrySeams, 'wait' | 'random'>,
): Client {
  const settings = readOptions(options)
  const send = createSend(settings, { ...seams, now: settings.now })

  async function create(parameters: CreateRedEnvelope, how?: RequestOptions): Promise<RedEnvelope> {
    const { body, orderNo, expected } = writeEnvelope(parameters)
    return send(
      {
        method: 'POST',
        path: '/red_envelopes',
        body,
        orderNo,
        read: ({ value }) => readEnvelope(value, expected),
      },
      how,
    )
  }

  async function retrieve(id: string, how?: RequestOptions): Promise<RedEnvelope> {
    const path = `/red_envelopes/${checkId(id, 'an envelope, "red_…"')}`
    return send({ method: 'GET', path, read: ({ value }) => readEnvelope(value, { id }) }, how)
  }

  function list(query: ListRedEnvelopes = {}, how?: RequestOptions): PagedList<RedEnvelope> {
    const asked = readListQuery(query)
    if (asked instanceof ClientError) return createPagedList({ ask: () => Promise.reject(asked) })

    const { isBackwards, start, pathTo } = asked
    return createPagedList({
      isBackwards,
      ask: (cursor = start) =>
        send(
          {
            method: 'GET',
            path: pathTo(cursor),
            read: ({ value }) => readEnvelopeList(value, cursor),
          },
          how,
        ),
    })
  }

  async function retrieveEvent(id: string, how?: RequestOptions): Promise<WebhookEvent> {
    const path = `/events/${checkId(id, 'an event, "evt_…"')}`
    return send({ method: 'GET', path, read: (answer) => readEvent(answer, id) }, how)
  }

  return { redEnvelopes: { create, retrieve, list }, events: { retrieve: retrieveEvent } }
}

/** An id goes into the path: nothing in it may lead elsewhere. */
function checkId(id: string, expected: string): string {
  const isNumber = /^\d+$/.test(id)
  if (isId(id) && !isNumber) return id
  const advice = isNumber ? ' An order number is none: look for it in `redEnvelopes.list`.' : ''
  throw new ClientError('parameter-invalid', {
    param: 'id',
    detail: `\`id\` must be the id of ${expected}: letters, digits, - and _, at most 64.${advice}`,
  })
}
