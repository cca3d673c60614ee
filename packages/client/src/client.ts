import type { RedEnvelope, WebhookEvent } from '@hongbao/core'
import { isId } from '@hongbao/core/internal'
import { PingppError } from './errors.ts'
import type { GoodAnswer } from './http/answer.ts'
import { createSend } from './http/request.ts'
import { waitByTimer, type Seams } from './http/retries.ts'
import { readOptions, type PingppClientOptions, type PingppRequestOptions } from './options.ts'
import { writeEnvelope, type RedEnvelopeCreateParams } from './red-envelopes/create-parameters.ts'
import { readListQuery, type RedEnvelopeListParams } from './red-envelopes/list-parameters.ts'
import { createEnvelopeList, readPage, type RedEnvelopeList } from './red-envelopes/pages.ts'
import { findDocumented } from './red-envelopes/parameters.ts'
import { encodeQuery } from './red-envelopes/query.ts'
import { readEnvelope, readEvent } from './red-envelopes/red-envelope.ts'

/** The red-envelope API of Ping++ (guide, steps 1 to 3, and "红包查询"). */
export interface PingppClient {
  readonly redEnvelopes: {
    /**
     * Sends money: creates an envelope, which starts as `sending`. Repeat it with the same
     * `order_no` only, never with a new one: after `red_system_busy` Ping++ documents that one envelope
     * is sent; after other errors retrieve or list it first.
     *
     * @throws PingppError, with `notCreated` true only if it is certain that no envelope was created
     */
    create(
      parameters: RedEnvelopeCreateParams,
      options?: PingppRequestOptions,
    ): Promise<RedEnvelope>
    /**
     * Queries an envelope, whose answer counts as much as a webhook (guide, note 6). In test
     * mode the first time sends `red_envelope.sent`, and the second `red_envelope.received` (note 4).
     *
     * @throws PingppError
     */
    retrieve(id: string, options?: PingppRequestOptions): Promise<RedEnvelope>
    /**
     * One page when awaited, all envelopes when iterated over; newest first. A wrong query rejects
     * there too.
     */
    list(query?: RedEnvelopeListParams, options?: PingppRequestOptions): RedEnvelopeList
  }
  readonly events: {
    /**
     * Queries an event, and checks it like one that came as a webhook.
     *
     * @throws PingppError
     */
    retrieve(id: string, options?: PingppRequestOptions): Promise<WebhookEvent>
  }
}

/**
 * Creates a client.
 *
 * @throws OptionError for a wrong option, or a key that cannot be used
 */
export function createPingppClient(options: PingppClientOptions): PingppClient {
  return createPingppClientWith(options, { wait: waitByTimer, random: Math.random })
}

/** `createPingppClient` with waits and jitter that a test controls. Not exported by the package. */
export function createPingppClientWith(options: PingppClientOptions, seams: Seams): PingppClient {
  const settings = readOptions(options)
  const app = settings.app === undefined ? undefined : { id: settings.app }
  const send = createSend(settings, seams)

  async function create(
    parameters: RedEnvelopeCreateParams,
    how?: PingppRequestOptions,
  ): Promise<RedEnvelope> {
    const { expected, ...written } = writeEnvelope(parameters, app, how?.extraParams)
    const read = (answer: GoodAnswer): RedEnvelope => readEnvelope(answer, expected)
    return send({ method: 'POST', path: '/red_envelopes', ...written, read }, how)
  }

  async function retrieve(id: string, how?: PingppRequestOptions): Promise<RedEnvelope> {
    const path = `/red_envelopes/${checkId(id, 'an envelope, "red_…"')}${queryOf(how)}`
    return send({ method: 'GET', path, read: (answer) => readEnvelope(answer, { id }) }, how)
  }

  function list(query: RedEnvelopeListParams = {}, how?: PingppRequestOptions): RedEnvelopeList {
    try {
      const { isBackwards, start, pathTo } = readListQuery(query, app, how?.extraParams)
      return createEnvelopeList((cursor = start) => {
        return send(
          { method: 'GET', path: pathTo(cursor), read: (answer) => readPage(answer, cursor) },
          how,
        )
      }, isBackwards)
    } catch (error) {
      return createEnvelopeList(() => Promise.reject(error), true)
    }
  }

  async function retrieveEvent(id: string, how?: PingppRequestOptions): Promise<WebhookEvent> {
    const path = `/events/${checkId(id, 'an event, "evt_…"')}${queryOf(how)}`
    return send({ method: 'GET', path, read: (answer) => readEvent(answer, id) }, how)
  }

  return { redEnvelopes: { create, retrieve, list }, events: { retrieve: retrieveEvent } }
}

function queryOf(how: PingppRequestOptions | undefined): string {
  const { extraParams = {} } = how ?? {}
  const flaw = findDocumented(extraParams, {})
  if (flaw !== undefined) throw new PingppError('parameter-invalid', flaw)
  const query = encodeQuery(extraParams)
  return query === '' ? '' : `?${query}`
}

/** An id goes into the path: nothing in it may lead elsewhere. */
function checkId(id: string, expected: string): string {
  const isNumber = /^\d+$/.test(id)
  if (isId(id) && !isNumber) return id
  const advice = isNumber
    ? ' An order number is not an id: look for it in `redEnvelopes.list`.'
    : ''
  throw new PingppError('parameter-invalid', {
    param: 'id',
    detail: `\`id\` must be the id of ${expected}: letters, digits, - and _, at most 64.${advice}`,
  })
}
