import type { EventType } from '@hongbao/core'
import { SIGNATURE_HEADER, signBytes, type SigningKey } from '@hongbao/core/internal'
import { eventFixture } from '@hongbao/core/testing'
import { createPrivateKey } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PostError, Sender } from '../delivery/sender.ts'
import { newDigits, newId } from '../events/ids.ts'
import { createPrivateKey as createPem } from '../keys/keys.ts'

/** A notification as it is sent. */
export interface Signed {
  readonly body: Buffer
  readonly signature: string
}

export interface Seen {
  /** null if no answer came. */
  readonly status: number | null
  readonly failure: PostError | undefined
}

/** An event, not yet serialised. */
export interface Event {
  readonly data: { readonly object: object }
}

/** Sends notifications to the app that is checked, and counts what they did. */
export interface Probe {
  /** A new event of the type that is checked, or of another. */
  event(type?: EventType): Event
  sign(body: Event | string): Signed
  /** With a key that is not Ping++'s. */
  forge(body: Event): Promise<Signed>
  send(signed: Signed): Promise<Seen>
  /** Sends it, and leaves before the answer: at once if the app is slow. */
  sendAndLeave(signed: Signed): Promise<Seen>
  /** Does something and counts the effects that it had in the app; undefined if they are not counted. */
  effectsOf<Result>(
    work: () => Promise<Result>,
  ): Promise<{ readonly result: Result; readonly effects: number | undefined }>
}

type CountEffects = () => number | Promise<number>

export interface ProbeOptions {
  readonly sender: Sender
  readonly key: SigningKey
  readonly type: EventType
  readonly object: object | undefined
  readonly effects: CountEffects | undefined
  readonly timeoutMs: number
}

/** How long an answer is waited for before it is given up as lost. */
const LEAVE_MS = 100

export function createProbe(options: ProbeOptions): Probe {
  const { sender, key, type, effects, timeoutMs, object } = options

  function sign(body: Event | string, { privateKey } = key): Signed {
    const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
    return { body: bytes, signature: signBytes(bytes, privateKey) }
  }

  async function post({ body, signature }: Signed, signal: AbortSignal): Promise<Seen> {
    const headers = {
      'content-type': 'application/json;charset=UTF-8',
      'user-agent': 'hongbao-sandbox',
      [SIGNATURE_HEADER]: signature,
    }
    const sent = { body, headers, drip: undefined, bodyEnds: 'whole', timeoutMs } as const
    const { response, failure } = await sender.post(sent, signal)
    return { status: response?.status ?? null, failure }
  }

  return {
    event: (given = type) => newEvent(given, object),
    sign: (body) => sign(body),
    forge: async (body) => sign(body, { ...key, privateKey: createPrivateKey(await createPem()) }),
    send: (signed) => post(signed, new AbortController().signal),
    sendAndLeave: (signed) => post(signed, AbortSignal.timeout(LEAVE_MS)),
    async effectsOf(work) {
      if (effects === undefined) return { result: await work(), effects }
      const before = await effects()
      const result = await work()
      return { result, effects: await settledCount(effects, before) }
    },
  }
}

/** With ids of its own, so that the app has seen nothing of it. */
function newEvent(type: EventType, changes: object | undefined): Event {
  const event = eventFixture(type, { livemode: false })
  const own = 'order_no' in event.data.object ? { order_no: newDigits(16) } : {}
  const object = { ...event.data.object, ...own, livemode: false, ...changes }
  return { ...event, ...(event.id !== undefined && { id: newId('evt_') }), data: { object } }
}

const POLLS = 20
const POLL_MS = 100

/** An app may apply events after its answer: waits for the first effect, and then for a second one. */
async function settledCount(effects: CountEffects, before: number): Promise<number> {
  // oxlint-disable-next-line no-await-in-loop -- polls
  for (let poll = 0; poll < POLLS && (await effects()) === before; poll += 1) await sleep(POLL_MS)
  await sleep(2 * POLL_MS)
  return (await effects()) - before
}
