import type { HandlerContext, Logger, NoContext, WebhookHandler } from '@hongbao/core'
import {
  checkKind,
  HandOffError,
  packEvent,
  readHandOffOptions,
  readLogger,
  within,
  wrong,
  type HandedOffEvent,
  type HandOffOptions,
} from '@hongbao/core/internal'
import type { Db } from 'pg-boss'
import { prepareQueue, readEventQueue, type Boss, type EventQueue } from './event-queue.ts'
import { wake } from './failed-events.ts'
import { warnOfNoSupervisor } from './supervision.ts'
import { uuidOf } from './uuid.ts'

/** Options of {@link handOff}. Wrong ones are refused with an `OptionError`. */
export interface PgBossHandOffOptions<Context extends object = NoContext> extends HandOffOptions {
  /** The name of the queue; what failed for good goes to `<name>-failed`. Default: `'hongbao-events'`. */
  readonly name?: string | undefined
  /** How long a worker may take over an event, in seconds: 60 or more. Default: 900 (15 min). */
  readonly expireSeconds?: number | undefined
  /**
   * A transaction to put the job into, out of what the receiver's inbox lends: job and key then
   * commit together. Default: pg-boss's own connection.
   */
  readonly db?: ((context: HandlerContext<Context>) => Db) | undefined
  /** Gets a warning if no running pg-boss supervises. `false` for none. Default: `console`. */
  readonly logger?: Logger | false | undefined
}

/**
 * Makes a handler that puts every event into a pg-boss queue and settles once Postgres has
 * committed it, so that Ping++ gets its 200 for what is persisted and a 500 for anything else:
 * `webhooks.on('*', await handOff(boss))`. A worker made by `createEventWorker` applies it.
 *
 * One event is one job, however often Ping++ sends it. A job that failed for good runs again when
 * Ping++ sends its event again.
 *
 * Creates the queues, or brings their settings up to date: start pg-boss first.
 *
 * @throws OptionError for a wrong option
 */
export async function handOff<Context extends object = NoContext>(
  boss: Boss,
  options: PgBossHandOffOptions<Context> = {},
): Promise<WebhookHandler<'*', Context>> {
  const settings = readHandOffOptions(options, NAMES)
  const logger = readLogger(options.logger)
  const { db, expireSeconds = 900 } = options
  checkKind('db', db, ['undefined', 'function'], 'a function that gives a `Db` of pg-boss')
  if (!Number.isSafeInteger(expireSeconds) || expireSeconds < 60 || expireSeconds > 86_400) {
    throw wrong('expireSeconds', 'a whole number from 60 to 86,400')
  }
  const queue = readEventQueue(boss, options.name)
  await prepareQueue(queue, { ...settings, expireSeconds })
  await warnOfNoSupervisor(queue, logger)

  return async function handOffToPgBoss(event, context) {
    const data = packEvent(event, context, queue.label)
    const connection = db === undefined ? {} : { db: db(context) }
    await within(settings.confirmTimeoutMs, persist(queue, data, connection), () => {
      // The job may still come to be, when Postgres is back: the next delivery finds the same id.
      throw new HandOffError(
        'confirmation-timeout',
        `Postgres has not confirmed the job within ${settings.confirmTimeoutMs} ms. Is it up, and reachable from here?`,
      )
    })
  }
}

const NAMES: Readonly<Record<Exclude<keyof PgBossHandOffOptions, keyof HandOffOptions>, true>> = {
  name: true,
  expireSeconds: true,
  db: true,
  logger: true,
}

async function persist(
  queue: EventQueue,
  data: HandedOffEvent,
  connection: { readonly db?: Db },
): Promise<void> {
  const { boss, name } = queue
  const id = uuidOf(data.key)
  // The key is for people, and for finding the job again among those that failed; in a standard
  // queue it keeps nothing out.
  const sent = await boss.send(name, data, { id, singletonKey: data.key, ...connection })
  if (sent === id) return
  // Nothing was inserted under this id: the job is there already, in any state, or there is none.
  const [job] = await boss.findJobs(name, { id, ...connection })
  if (job === undefined) {
    throw new HandOffError(
      'job-missing',
      `pg-boss took no job for ${data.key} and has none. Is the queue ${name} being deleted?`,
    )
  }
  if (job.state === 'failed') await wake(queue, { id, key: data.key, ...connection })
}
