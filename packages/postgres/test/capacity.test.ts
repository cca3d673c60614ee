import { Pool, type PoolClient, type PoolConfig } from 'pg'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { postgresInbox, type PostgresInbox, type PostgresInboxOptions } from '../src/index.ts'
import { postgresJsPool } from '../src/postgres-js.ts'
import { PATIENCE_MS } from '../../../test/patience.ts'
import { openPostgres, type Opened } from './opened.ts'

// How many backends of the server an inbox takes while they wait for something that does not come.

let opened: Opened

beforeAll(async () => {
  opened = await openPostgres({ max_connections: 40 })
})

afterAll(() => opened.close())

const MAX = 3
const ROUNDS = 4

interface Way {
  readonly name: string
  /** Opens an inbox whose connections have this name on the server. */
  readonly open: (name: string, timeouts: Timeouts) => OpenWay
}

type Timeouts = Pick<PostgresInboxOptions, 'lockTimeoutMs'> & { readonly commandTimeoutMs: number }

interface OpenWay {
  readonly inbox: Pick<PostgresInbox, 'admit'>
  readonly end: () => Promise<void>
}

const WAYS: readonly Way[] = [
  { name: 'pg', open: (name, timeouts) => openPg({}, name, timeouts) },
  {
    name: 'pg with a `query_timeout`',
    open: (name, timeouts) =>
      openPg({ query_timeout: timeouts.commandTimeoutMs * 0.9 }, name, timeouts),
  },
  {
    name: 'postgres',
    open(name, timeouts) {
      const connection = { application_name: name }
      const pool = postgresJsPool(
        () => postgres(opened.server.url, { max: 1, fetch_types: false, connection }),
        { max: MAX },
      )
      const inbox = postgresInbox({ pool, consumer: 'orders', ...timeouts })
      return { inbox, end: () => pool.end() }
    },
  },
]

function openPg(options: object, name: string, timeouts: Timeouts): OpenWay {
  const pool = new Pool({
    connectionString: opened.server.url,
    application_name: name,
    max: MAX,
    ...options,
  })
  const inbox = postgresInbox({ pool, consumer: 'orders', ...timeouts })
  return { inbox, end: () => pool.end() }
}

describe.each(WAYS)('a Postgres inbox over $name', ({ name, open }) => {
  it('uses no more backends than its pool while the table is locked, and reports the lock [E40]', async () => {
    const application = `locked, ${name}`
    const { inbox, end } = open(application, { commandTimeoutMs: 5000, lockTimeoutMs: 500 })
    const migration = new Pool({ connectionString: opened.server.url, max: 1 })
    await migration.query('begin; lock table hongbao_inbox in access exclusive mode')
    const codes: unknown[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      codes.push(...(await failures(inbox, `${application} ${round}`)))
      expect(await countBackends(application)).toBeLessThanOrEqual(MAX)
    }
    expect(new Set(codes)).toEqual(new Set(['postgres-lock-timed-out']))
    await migration.query('commit')
    await migration.end()
    expect(await inbox.admit(application, async () => {})).toBe('applied')
    await end()
  })

  it('uses no more backends than its pool while COMMIT waits for a standby that is gone, and never answers 200 for it [E41]', async () => {
    const application = `no standby, ${name}`
    const { inbox, end } = open(application, { commandTimeoutMs: 500 })
    await setStandby('gone')
    const first = await hangingKey(inbox, application)
    const codes: unknown[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      codes.push(...(await failures(inbox, `${application} ${round}`)))
      // One more, that asks which of them still run.
      expect(await countBackends(application)).toBeLessThanOrEqual(MAX + 1)
      expect(await countBackends(application, `and wait_event = 'SyncRep'`)).toBeLessThanOrEqual(
        MAX,
      )
    }
    expect(codes.at(-1)).toBe('postgres-timed-out')
    // An event that waits in COMMIT is neither applied nor a duplicate, for any caller.
    const other = open(`${application}, another process`, { commandTimeoutMs: 500 })
    expect(await other.inbox.admit(first, async () => {})).toBe('busy')
    const work = vi.fn<() => Promise<void>>()
    await expect(inbox.admit(first, work)).rejects.toMatchObject({ code: 'postgres-timed-out' })
    expect(work).not.toHaveBeenCalled()
    await setStandby('')
    await eventually(async () => expect(await inbox.admit(first, work)).toBe('duplicate'))
    expect(await inbox.admit(`${application}, later`, async () => {})).toBe('applied')
    await Promise.all([end(), other.end()])
  })
})

describe('a claim that waits for the table', () => {
  it('is ended by the server before `commandTimeoutMs` is over, however long handlers may wait for locks [E40]', async () => {
    const { inbox, pool } = opened.open({ commandTimeoutMs: 4000, lockTimeoutMs: 60_000 })
    const migration = new Pool({ connectionString: opened.server.url, max: 1 })
    await migration.query('begin; lock table hongbao_inbox in access exclusive mode')
    await expect(inbox.admit('waits', async () => {})).rejects.toMatchObject({
      code: 'postgres-lock-timed-out',
    })
    // The connection is not at fault, and stays.
    expect(pool.idleCount).toBe(1)
    await migration.end()
  })
})

describe('a claim that pg abandons after its own `query_timeout`', () => {
  it('uses no more backends than the pool while Postgres still executes it [E66]', async () => {
    const application = 'query_timeout below the lock time-out'
    const timeouts = { commandTimeoutMs: 1500, lockTimeoutMs: 1000 }
    const { inbox, end } = openPg({ query_timeout: 100 }, application, timeouts)
    const migration = new Pool({ connectionString: opened.server.url, max: 1 })
    await migration.query('begin; lock table hongbao_inbox in access exclusive mode')
    const codes: unknown[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      codes.push(...(await failures(inbox, `${application} ${round}`)))
      expect(await countBackends(application)).toBeLessThanOrEqual(MAX)
    }
    expect(new Set(codes)).toEqual(new Set(['postgres-unreachable', 'postgres-timed-out']))
    await migration.query('commit')
    await migration.end()
    await eventually(async () => {
      expect(await inbox.admit(application, async () => {})).toBe('applied')
    })
    await end()
  })
})

describe('an abandoned transaction that Postgres still executes', () => {
  const LOCK = 7
  const LOCKED = `and wait_event_type = 'Lock'`
  let holder: Pool

  beforeEach(async () => {
    holder = new Pool({ connectionString: opened.server.url, max: 1 })
    await holder.query('select pg_advisory_lock($1)', [LOCK])
  })

  afterEach(() => holder.end())

  it('occupies one connection of the pool, and a burst of events waits for the others [E65]', async () => {
    const application = 'abandoned, then a burst'
    const { inbox, end } = openAbandoning(application, { max: MAX })
    await abandonOne(inbox, application)
    const counts: number[] = []
    const burst = Array.from({ length: 30 }, (_, at) =>
      inbox.admit(`${application} ${at}`, async () => {
        counts.push(await countBackends(application))
      }),
    )
    expect(new Set(await Promise.all(burst))).toEqual(new Set(['applied']))
    // One more, that asks which of them still run.
    expect(Math.max(...counts)).toBeLessThanOrEqual(MAX + 1)
    expect(await countBackends(application, LOCKED)).toBe(1)
    await end()
  })

  it('causes no refusal before the deadline while the other connections are lent [E65]', async () => {
    const application = 'abandoned, and all others lent'
    const { inbox, end } = openAbandoning(application, { max: MAX }, 3000)
    await abandonOne(inbox, application)
    const release = Promise.withResolvers<void>()
    const work = vi.fn<() => Promise<void>>(() => release.promise)
    const lent = [1, 2].map((at) => inbox.admit(`${application} ${at}`, work))
    await eventually(async () => expect(work).toHaveBeenCalledTimes(2))
    await expect(inbox.admit(`${application}, late`, work)).rejects.toMatchObject({
      code: 'postgres-pool-timed-out',
      message: expect.stringContaining('closed while Postgres') as string,
    })
    release.resolve()
    expect(await Promise.all(lent)).toEqual(['applied', 'applied'])
    await end()
  })

  it('counts until its timeouts are over if `pg_locks` cannot be read, and the error says so [E67]', async () => {
    await opened.query(`create role blind login;
      grant select, insert, delete on hongbao_inbox to blind;
      revoke all on pg_locks from public`)
    const { inbox, end } = openAbandoning('blind', { max: 1, user: 'blind' }, 3000, 5000)
    await abandonOne(inbox, 'blind')
    await expect(inbox.admit('blind, at once', async () => {})).rejects.toMatchObject({
      code: 'postgres-timed-out',
      message: expect.stringContaining('pg_locks') as string,
      cause: { message: expect.stringContaining('pg_locks') as string },
    })
    await eventually(async () => {
      expect(await inbox.admit('blind, later', async () => {})).toBe('applied')
    })
    await opened.query('grant select on pg_locks to public')
    await end()
  })

  function openAbandoning(
    name: string,
    config: PoolConfig,
    // On a busy machine a claim and a handler take their time.
    commandTimeoutMs: number = PATIENCE_MS,
    transactionTimeoutMs: number = PATIENCE_MS,
  ) {
    const url = new URL(opened.server.url)
    const { user = url.username, ...rest } = config
    const connectionString = Object.assign(url, { username: user }).href
    const pool = new Pool({ connectionString, application_name: name, ...rest })
    const inbox = postgresInbox({
      pool,
      consumer: 'orders',
      commandTimeoutMs,
      lockTimeoutMs: PATIENCE_MS,
      transactionTimeoutMs,
    })
    return { inbox, end: () => pool.end() }
  }

  /** Its handler waits for a lock, without the time-outs of the server, and the connection is cut meanwhile. */
  async function abandonOne(inbox: PostgresInbox<PoolClient>, application: string): Promise<void> {
    const admission = inbox.admit(application, async ({ tx }) => {
      await tx.query('set local statement_timeout = 0; set local lock_timeout = 0')
      const waiting = tx.query('select pg_advisory_xact_lock($1)', [LOCK])
      waiting.catch(() => {})
      await eventually(async () => expect(await countBackends(application, LOCKED)).toBe(1))
      // The client of pg has its connection, which its types leave out.
      Reflect.get(tx, 'connection').stream.destroy()
      await waiting
    })
    await expect(admission).rejects.toThrow('Connection terminated')
  }
})

describe('a pool that does not expose its size', () => {
  it('decides how many events run at once', async () => {
    const pool = new Pool({ connectionString: opened.server.url, max: 12 })
    const inbox = postgresInbox({ pool: { connect: () => pool.connect() }, consumer: 'orders' })
    const release = Promise.withResolvers<void>()
    const work = vi.fn<() => Promise<void>>(() => release.promise)
    const admissions = Array.from({ length: 12 }, (_, at) => inbox.admit(`unknown ${at}`, work))
    await eventually(async () => expect(work).toHaveBeenCalledTimes(12))
    release.resolve()
    expect(new Set(await Promise.all(admissions))).toEqual(new Set(['applied']))
    await pool.end()
  })
})

/** As many events at once as the pool has connections, and one more: why each of them failed. */
async function failures(inbox: OpenWay['inbox'], key: string): Promise<unknown[]> {
  const admissions = Array.from({ length: MAX + 1 }, (_, at) =>
    inbox
      .admit(`${key} ${at}`, async () => {})
      .then(
        (answer) => answer,
        (error: unknown) => Object(error).code,
      ),
  )
  return (await Promise.all(admissions)).filter((code) => code !== 'postgres-pool-timed-out')
}

/** A key whose COMMIT hangs. Those before it were committed: the server had not heard of the setting. */
async function hangingKey(inbox: OpenWay['inbox'], name: string): Promise<string> {
  let key = ''
  for (let at = 0, answer = 'applied'; answer === 'applied'; at += 1) {
    key = `${name}, hanging ${at}`
    answer = await inbox.admit(key, async () => {}).catch(() => 'failed')
  }
  return key
}

async function setStandby(name: string): Promise<void> {
  await opened.query(`alter system set synchronous_standby_names = '${name}'`)
  await opened.query('select pg_reload_conf()')
}

async function countBackends(application: string, and = ''): Promise<number> {
  const rows = await opened.query(
    `select from pg_stat_activity where application_name = $1 ${and}`,
    [application],
  )
  return rows.length
}

function eventually(check: () => Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 20_000, interval: 20 })
}
