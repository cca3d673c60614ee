import {
  createWebhooks,
  eventKey,
  type Inbox,
  type Receiver,
  type Reply,
  type WebhookHandler,
  type Webhooks,
  type InboxWorkOptions,
} from '@hongbao/core'
import type { Delivery } from '@hongbao/core/adapter'
import { parseEvent, WebhookError } from '@hongbao/core/internal'
import type { EventQueue } from '@hongbao/hand-off'
import type { Lease } from '@hongbao/redis'
import { setTimeout as wait } from 'node:timers/promises'
import { seeded, type Seeded } from '../../packages/core/test/seeded.ts'
import { openPool } from '../servers/postgres.ts'
import type { Addresses } from './addresses.ts'
import { createFailpoints, type Failpoints } from './failpoints.ts'
import { openJournal, type Journal } from './journal.ts'

/** The settings that the trial passes to an app process at its start. */
export interface Setup extends Addresses {
  readonly store: string
  readonly framework: string
  /** Every start of an app has a number of its own. */
  readonly process: number
  readonly seed: number
  readonly journal: string
  readonly publicKey: string
  /** The sandbox's clock: a reading and its moment, and how fast it goes. */
  readonly clock: { readonly atMs: number; readonly wallMs: number; readonly speed: number }
}

/** What a store needs in an app process. */
export interface Fixture {
  readonly setup: Setup
  readonly journal: Journal
  readonly points: Failpoints
  readonly random: Seeded
}

export function createFixture(setup: Setup): Fixture {
  const journal = openJournal(setup.journal)
  return { setup, journal, points: createFailpoints(journal), random: seeded(setup.seed) }
}

/** A receiver on the sandbox's clock. */
export function createReceiver<Context extends object>(
  { setup, points }: Fixture,
  options: { readonly inbox: Inbox<Context> },
): Webhooks<Context> {
  const { atMs, wallMs, speed } = setup.clock
  return createWebhooks<Context>({
    ...options,
    publicKey: setup.publicKey,
    now: () => atMs + (Date.now() - wallMs) * speed,
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    logger: false,
    onReport({ kind }) {
      if (kind === 'delivery') points.pass('before-answer')
    },
  })
}

const HANDLER_TIMEOUT_MS = 1500

/** The receiver of a queue, on the sandbox's clock; it writes down what it hands off. */
export function createQueueReceiver(
  { setup, journal, points }: Fixture,
  queue: EventQueue,
): Receiver {
  const { atMs, wallMs, speed } = setup.clock
  const receiver = queue.receiver({
    publicKey: setup.publicKey,
    now: () => atMs + (Date.now() - wallMs) * speed,
    logger: false,
    onReport({ kind }) {
      if (kind === 'delivery') points.pass('before-answer')
    },
  })
  const running = new Set<string>()

  /** Duplicates that come at a time are one run. */
  function start(bytes: Uint8Array, askedMs: number): string | undefined {
    const event = parseEvent(bytes)
    const key = event instanceof WebhookError ? undefined : eventKey(event)
    if (key === undefined || running.has(key)) return undefined
    running.add(key)
    points.pass('before-hand-off')
    journal.started('hand-off', key, askedMs, false)
    return key
  }

  async function handle(delivery: Delivery): Promise<Reply> {
    const askedMs = Date.now()
    let key: string | undefined
    const reply = await receiver.handle({
      method: delivery.method,
      header: (name) => delivery.header(name),
      async body(limits) {
        const bytes = await delivery.body(limits)
        key = start(bytes, askedMs)
        return bytes
      },
    })
    if (key === undefined) return reply
    running.delete(key)
    if (reply.status === 200) points.pass('after-hand-off')
    journal.ended('hand-off', key)
    return reply
  }

  return { handle, ready: receiver.ready, close: receiver.close }
}

/** Whether a handler fails by itself this time: one time of fifty by default. */
export function failsNow(random: Seeded, oneIn = 50): boolean {
  return random.below(oneIn) === 0
}

/**
 * A handler that has one effect. It takes its time on both sides of it, up to 4 ms, so
 * that there is something to interrupt, and it fails now and then.
 */
export function effectHandler<Context extends object>(
  { setup, points, random }: Fixture,
  write: (context: Context, values: readonly [key: string, process: number]) => Promise<unknown>,
): WebhookHandler<'*', Context> {
  return async function leaveEffect(_, context) {
    await wait(random.below(5))
    // A run that takes over looks first whether the work was done, and that fails more often.
    if (failsNow(random, isTakeover(context) ? 3 : 50)) throw new Error('Failed, on purpose.')
    points.pass('in-handler')
    await write(context, [context.key, setup.process])
    points.pass('after-effect')
    await wait(random.below(5))
  }
}

/** The same, on a connection of its own: the effect is committed with any result of the run. */
export function outsideEffect(fixture: Fixture, statement: string = EFFECT): WebhookHandler {
  const pool = openPool({ connectionString: fixture.setup.postgresUrl, max: 8 })
  return effectHandler(fixture, (_, values) => pool.query(statement, [...values]))
}

/** The table has no unique key, so that doubles show. */
export const EFFECT = 'insert into effects (key, process) values ($1, $2)'
/** The table has one, as a careful app's own records have. */
export const EFFECT_ONCE =
  'insert into effects_once (key, process) values ($1, $2) on conflict (key) do nothing'

/**
 * An inbox that writes down what it runs, and can be interrupted on the way. Where `endsItself` is
 * set, another process writes the end of a run that succeeded.
 */
export function watch<Context extends object>(
  inbox: Inbox<Context>,
  { journal, points }: Fixture,
  { endsItself = false }: { endsItself?: boolean } = {},
): Inbox<Context> {
  async function admit(
    key: string,
    work: (context: Context, options?: InboxWorkOptions) => Promise<void>,
  ) {
    points.pass('before-admit')
    const askedMs = Date.now()
    let isOpen = false
    try {
      const admission = await inbox.admit(key, async function run(context, options) {
        isOpen = true
        journal.started('apply', key, askedMs, isTakeover(context))
        points.pass('after-admit')
        await work(context, options)
      })
      isOpen &&= !endsItself
      if (isOpen) journal.ended('apply', key)
      return admission
    } catch (error) {
      if (isOpen) journal.ended('apply', key)
      throw error
    }
  }

  return { retentionSeconds: inbox.retentionSeconds, admit }
}

function isTakeover(context: object): boolean {
  const { lease } = context as { readonly lease?: Lease }
  return lease?.isTakeover === true
}
