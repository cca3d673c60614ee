import type { EventType } from '@hongbao/core'
import { SIGNATURE_HEADER, signBytes, type SigningKey } from '@hongbao/core/internal'
import { eventFixture } from '@hongbao/core/testing'
import { createPrivateKey, type KeyObject } from 'node:crypto'
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

const POLLS = 20
const POLL_MS = 100

/** Sends notifications to the app that is checked, and counts what they did. */
export class Probe {
  readonly #options: ProbeOptions

  constructor(options: ProbeOptions) {
    this.#options = options
  }

  /** A new event, with ids of its own, so that the app has seen nothing of it. */
  event(type: EventType = this.#options.type): Event {
    const event = eventFixture(type, { livemode: false })
    const own = 'order_no' in event.data.object ? { order_no: newDigits(16) } : {}
    const object = { ...event.data.object, ...own, livemode: false, ...this.#options.object }
    return { ...event, ...(event.id !== undefined && { id: newId('evt_') }), data: { object } }
  }

  sign(body: Event | string, privateKey: KeyObject = this.#options.key.privateKey): Signed {
    const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
    return { body: bytes, signature: signBytes(bytes, privateKey) }
  }

  /** Signs with a key that is not Ping++'s. */
  async forge(body: Event): Promise<Signed> {
    return this.sign(body, createPrivateKey(await createPem()))
  }

  async send(
    { body, signature }: Signed,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<Seen> {
    const { sender, timeoutMs } = this.#options
    const headers = {
      'content-type': 'application/json;charset=UTF-8',
      'user-agent': 'hongbao-sandbox',
      [SIGNATURE_HEADER]: signature,
    }
    const { response, failure } = await sender.post({ body, headers, timeoutMs }, signal)
    return { status: response?.status ?? null, failure }
  }

  /** Sends it, and leaves before the answer: at once if the app is slow. */
  sendAndLeave(signed: Signed): Promise<Seen> {
    return this.send(signed, AbortSignal.timeout(LEAVE_MS))
  }

  /**
   * Does something and counts the effects that it had in the app; undefined if they are not counted. An app
   * may apply events after its answer, so the first effect is waited for, and then a second one.
   */
  async effectsOf<Result>(
    work: () => Promise<Result>,
  ): Promise<{ readonly result: Result; readonly effects: number | undefined }> {
    const { effects } = this.#options
    if (effects === undefined) return { result: await work(), effects }
    const before = await effects()
    const result = await work()
    // oxlint-disable-next-line no-await-in-loop -- polls
    for (let poll = 0; poll < POLLS && (await effects()) === before; poll += 1) await sleep(POLL_MS)
    await sleep(2 * POLL_MS)
    return { result, effects: (await effects()) - before }
  }
}
