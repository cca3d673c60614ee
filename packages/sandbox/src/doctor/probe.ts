import type { EventType } from '@hongbao/core'
import { SIGNATURE_HEADER, signBytes, type SigningKey } from '@hongbao/core/internal'
import { eventFixture } from '@hongbao/core/testing'
import { generateKeyPair, type KeyObject } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { PostError, Sender } from '../delivery/sender.ts'
import { newDigits, newId } from '../events/ids.ts'

/** A notification as it is sent. */
export interface Signed {
  readonly body: Buffer
  readonly signature: string
}

/** What came back. */
export interface Seen {
  /** null if no answer came. */
  readonly status: number | null
  /** Why none came. */
  readonly failure: PostError | undefined
}

/** Sends notifications to the app that is checked, and counts what they did. */
export interface Probe {
  /** A new event of the type that is checked, or of another. */
  event(type?: EventType): Event
  sign(body: string): Signed
  /** With a key that is not Ping++'s. */
  forge(body: string): Promise<Signed>
  send(signed: Signed): Promise<Seen>
  /** Sends it, and leaves before the answer: at once if the app is slow. */
  sendAndLeave(signed: Signed): Promise<void>
  /** Does something and counts the effects that it had in the app; undefined if they are not counted. */
  effectsOf<Result>(work: () => Promise<Result>): Promise<Counted<Result>>
}

interface Counted<Result> {
  readonly result: Result
  readonly effects: number | undefined
}

/** An event, not yet serialised. */
export interface Event {
  readonly data: { readonly object: object }
}

export interface ProbeOptions {
  readonly sender: Sender
  readonly key: SigningKey
  readonly type: EventType
  readonly object: object | undefined
  readonly effects: (() => number | Promise<number>) | undefined
  readonly timeoutMs: number
}

/** How long an answer is waited for before it is given up as lost. */
const LEAVE_MS = 100

export function createProbe({
  sender,
  key,
  type,
  effects,
  timeoutMs,
  object,
}: ProbeOptions): Probe {
  const never = new AbortController().signal
  let foreignKey: KeyObject | undefined

  async function post({ body, signature }: Signed, signal: AbortSignal): Promise<Seen> {
    const headers = {
      'content-type': 'application/json;charset=UTF-8',
      'user-agent': 'hongbao-sandbox',
      [SIGNATURE_HEADER]: signature,
    }
    const { response, failure } = await sender.post(
      { body, headers, drip: undefined, bodyEnds: 'whole', timeoutMs },
      signal,
    )
    return { status: response?.status ?? null, failure }
  }

  return {
    event: (given = type) => newEvent(given, object),
    sign: (body) => signWith(body, key.privateKey),
    async forge(body) {
      foreignKey ??= await makeKey()
      return signWith(body, foreignKey)
    },
    send: (signed) => post(signed, never),
    async sendAndLeave(signed) {
      await post(signed, AbortSignal.timeout(LEAVE_MS))
    },
    async effectsOf(work) {
      if (effects === undefined) return { result: await work(), effects: undefined }
      const before = await effects()
      const result = await work()
      return { result, effects: await settledCount(effects, before) }
    },
  }
}

/** With ids of its own, so that the app has seen nothing of it. */
function newEvent(type: EventType, changes: object | undefined): Event {
  const event = eventFixture(type, { livemode: false })
  const orderNo = newDigits(16)
  const own = 'order_no' in event.data.object ? { order_no: orderNo } : {}
  const object = { ...event.data.object, ...own, livemode: false, ...changes }
  return { ...event, ...(event.id !== undefined && { id: newId('evt_') }), data: { object } }
}

function signWith(text: string, key: KeyObject): Signed {
  const body = Buffer.from(text)
  return { body, signature: signBytes(body, key) }
}

async function makeKey(): Promise<KeyObject> {
  return (await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })).privateKey
}

const POLLS = 20
const POLL_MS = 100

/** An app may apply events after its answer: waits for the first effect, and then for a second one. */
async function settledCount(
  effects: () => number | Promise<number>,
  before: number,
): Promise<number> {
  // oxlint-disable-next-line no-await-in-loop -- polls
  for (let poll = 0; poll < POLLS && (await effects()) === before; poll += 1) await sleep(POLL_MS)
  await sleep(2 * POLL_MS)
  return (await effects()) - before
}
