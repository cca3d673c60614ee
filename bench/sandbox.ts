import type { Sandbox, SandboxEvent } from '@hongbao/sandbox'
import { fork } from 'node:child_process'
import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { withinAllowance, type Figure } from './figure.ts'
import { installed } from './installed.ts'
import { sideBySide } from './side-by-side.ts'

const BLOCK = 50
const ENVELOPES = 1000
/** The first post and ten more (guide, note 5). */
const POSTS = 11
const ALLOWED_SECONDS = 4
const PINGPP = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** The cost of the local Ping++: per delivery over HTTP, and for a day and an hour of a virtual clock. */
export async function measure(): Promise<Figure[]> {
  return [await overHttp(RESENT), await overHttp(FIRST), await throughTheDay()]
}

/** Deliveries of one kind, and what a bare post must do to be one. */
interface Kind {
  readonly measure: string
  readonly note: string
  /** Starts a delivery of an event that exists, or of another one like it. */
  readonly deliver: (sandbox: Sandbox, event: SandboxEvent) => void
  /** The signature that a bare post of the event has. */
  readonly sign: (event: SandboxEvent) => string
}

/** An event is signed once, when it is made: every redelivery has its signature. */
const RESENT: Kind = {
  measure: 'sandbox deliveries, resent',
  note: 'events made and signed beforehand, on both sides',
  deliver: (sandbox, { id }) => void sandbox.resend(id),
  sign: ({ signature }) => signature,
}

const FIRST: Kind = {
  measure: 'sandbox deliveries, first',
  note: 'one RSA signature each, on both sides; envelope and event made by ours alone',
  deliver: (sandbox) => void sandbox.trigger('red_envelope.sent'),
  sign: ({ bytes }) => sign('RSA-SHA256', bytes, PINGPP.privateKey).toString('base64'),
}

/**
 * Deliveries to a server in another process, against bare `fetch` posts of the same bytes, or as many
 * while ours are new, with the same headers, as many at a time.
 */
async function overHttp(kind: Kind): Promise<Figure> {
  const { startSandbox } = await installed('sandbox')
  const receiver = fork(fileURLToPath(new URL('receiver.ts', import.meta.url)))
  const [port] = (await once(receiver, 'message')) as [number]
  const target = `http://127.0.0.1:${port}/webhooks`
  const sandbox = await startSandbox({
    target,
    sendWebhooks: 'by-hand',
    privateKey: PINGPP.privateKey,
  })
  const events = Array.from({ length: BLOCK }, () => sandbox.trigger('red_envelope.sent'))
  await sandbox.clock.settled()

  async function ours(): Promise<number> {
    for (const event of events) kind.deliver(sandbox, event)
    await sandbox.clock.settled()
    return BLOCK
  }

  async function theirs(): Promise<number> {
    await Promise.all(
      events.map(async (event) => {
        const headers = {
          'content-type': 'application/json;charset=UTF-8',
          'x-pingplusplus-signature': kind.sign(event),
        }
        const body = new Uint8Array(event.bytes)
        const response = await fetch(target, { method: 'POST', headers, body, redirect: 'manual' })
        if (response.status !== 200) throw new Error(`The receiver answered ${response.status}.`)
        await response.arrayBuffer()
      }),
    )
    return BLOCK
  }

  try {
    if (events.some((event) => kind.sign(event) !== event.signature)) {
      throw new Error('The two sides sign in different ways.')
    }
    const result = await sideBySide({ ours, theirs, rounds: 60, warmUpRounds: 10 })
    const attempts = sandbox.events().flatMap((event) => event.attempts)
    if (attempts.length !== 71 * BLOCK || !attempts.every(({ ok }) => ok)) {
      throw new Error('Not every delivery of the sandbox arrived.')
    }
    return { measure: kind.measure, ...result, bar: 0.7, unit: 'per CPU s', note: kind.note }
  } finally {
    await sandbox.close()
    receiver.kill()
  }
}

/** A thousand envelopes whose notifications fail for a day, on the virtual clock: eleven posts each. */
async function throughTheDay(): Promise<Figure> {
  const { startSandbox } = await installed('sandbox')
  let posts = 0
  const sandbox = await startSandbox({
    clock: 'virtual',
    sendWebhooks: 'by-hand',
    target: () => {
      posts += 1
      return new Response(null, { status: 500 })
    },
  })
  const startedMs = performance.now()
  for (let at = 0; at < ENVELOPES; at += 1) sandbox.trigger('red_envelope.sent')
  await sandbox.clock.advance(25 * 60 * 60 * 1000)
  const seconds = (performance.now() - startedMs) / 1000
  await sandbox.close()
  if (posts !== ENVELOPES * POSTS) throw new Error(`${posts} posts came.`)
  const perSecond = Math.round(posts / seconds)
  const note = `${posts} posts, ${perSecond} a second, each event signed once`
  return withinAllowance('25 h of 1,000 envelopes', seconds, ALLOWED_SECONDS, 's', note)
}
