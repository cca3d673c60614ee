import { createHash } from 'node:crypto'
import { createWebhooks, type WebhookEvent } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import type { PoolClient } from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { postgresInbox, type PostgresInboxOptions } from '../src/index.ts'
import { PATIENCE_MS } from '../../../test/patience.ts'
import { effectOf, openPostgres, type Opened } from './opened.ts'

let opened: Opened

beforeAll(async () => {
  opened = await openPostgres()
})

afterAll(() => opened.close())

describe('webhooks with a Postgres inbox', () => {
  const keys = createTestKeys()

  it('apply an event once over two processes, in the transaction that handlers get', async () => {
    const first = receiver()
    const second = receiver()
    const event = eventFixture('red_envelope.sent')
    expect(await first.deliver(event)).toMatchObject({ outcome: 'handled', status: 200 })
    expect(await first.deliver(event)).toMatchObject({ outcome: 'duplicate', status: 200 })
    expect(await second.deliver(event)).toMatchObject({ outcome: 'duplicate', status: 200 })
    expect(await opened.countEffects(event.data.object.id)).toBe(1)
  })

  it('answer 500 for an error that a handler swallowed, and apply the event when it is redelivered', async () => {
    const { webhooks, deliver } = receiver()
    let isBroken = true
    webhooks.on('red_envelope.sent', async (_, { tx }) => {
      if (isBroken) await tx.query('select 1 / 0').catch(() => {})
    })
    const event = eventFixture('red_envelope.sent')
    expect(await deliver(event)).toMatchObject({
      outcome: 'failed',
      code: 'inbox-unavailable',
      status: 500,
    })
    isBroken = false
    expect(await deliver(event)).toMatchObject({ outcome: 'handled', status: 200 })
    expect(await opened.countEffects(event.data.object.id)).toBe(1)
  })

  it('answer 500 while another process holds the claim', async () => {
    const event = eventFixture('red_envelope.sent')
    const other = receiver()
    const { webhooks, deliver } = receiver()
    const answers: unknown[] = []
    webhooks.on('red_envelope.sent', async () => {
      answers.push(await other.deliver(event))
    })
    expect(await deliver(event)).toMatchObject({ status: 200 })
    expect(answers).toEqual([
      expect.objectContaining({ outcome: 'failed', code: 'inbox-busy', status: 500 }),
    ])
  })

  function receiver() {
    const { inbox } = opened.open()
    const webhooks = createWebhooks({ publicKey: keys.publicKey, inbox, logger: false })
    webhooks.on('red_envelope.sent', (event, { tx }) => effectOf(event.data.object.id)({ tx }))
    return {
      webhooks,
      deliver: (event: WebhookEvent) => webhooks.handle(signDelivery(event, keys).delivery()),
    }
  }
})

describe('a hundred duplicates at once on a pool of ten', () => {
  it('leave connections for the running handler, and for other queries [E3]', async () => {
    const { inbox, pool } = opened.open({}, { max: 10 })
    const answers: string[] = []
    const others = Promise.withResolvers<void>()
    const admissions = Array.from({ length: 100 }, async () => {
      answers.push(
        await inbox.admit('hundred', async ({ tx }) => {
          await effectOf('hundred')({ tx })
          // It even asks the pool for one more, as it should not.
          await pool.query('select 1')
          await others.promise
          await effectOf('hundred')({ tx })
        }),
      )
      if (answers.length === 99) others.resolve()
    })
    await others.promise
    expect(await inbox.admit('another', effectOf('another'))).toBe('applied')
    await Promise.all(admissions)
    expect(answers).toEqual([...Array.from({ length: 99 }, () => 'busy'), 'applied'])
    expect(await opened.countEffects('hundred')).toBe(2)
  })
})

describe('handlers that use a second connection of their pool', () => {
  it('leave no connection for the next event, whose error says what to change', async () => {
    const { inbox, pool } = opened.open({ commandTimeoutMs: 100 }, { max: 1 })
    const waiting = Promise.withResolvers<void>()
    const first = inbox.admit('takes two', async () => {
      const second = pool.query('select 1')
      await waiting.promise
      // By now this one would wait for ever: the pool has no timeout of its own.
      void second
    })
    await expect(inbox.admit('gets none', async () => {})).rejects.toMatchObject({
      code: 'postgres-pool-timed-out',
      message: expect.stringMatching(/`tx`.*another pool.*`max`/) as string,
    })
    waiting.resolve()
    expect(await first).toBe('applied')
  })
})

describe('the key', () => {
  it('is stored as the first 128 bits of the SHA-256 of `consumer:key`, for any text of any length', async () => {
    const { inbox } = opened.open()
    const key = `红包：${'恭喜发财'.repeat(1000)}`
    await inbox.admit(key, effectOf('stored'))
    const id = createHash('sha256').update(`orders:${key}`).digest('hex').slice(0, 32)
    const rows = await opened.query(`select replace(key::text, '-', '') as id from hongbao_inbox`)
    expect(rows.map((row) => row['id'])).toContain(id)
  })

  it('can be queried in SQL, and deleted so that the event is applied again', async () => {
    const { inbox } = opened.open()
    await inbox.admit('asked for', effectOf('asked for'))
    const sql = `delete from hongbao_inbox
      where key = encode(substring(sha256(convert_to('orders:' || $1, 'UTF8')) for 16), 'hex')::uuid
      returning applied_at`
    expect(await opened.query(sql, ['asked for'])).toEqual([
      { applied_at: expect.any(Date) as Date },
    ])
    expect(await inbox.admit('asked for', effectOf('asked for'))).toBe('applied')
  })

  it('is one of its table: two inboxes apply the same event each, at once too [E29]', async () => {
    const mine = opened.open()
    const theirs = opened.open({ table: 'other_inbox' })
    await theirs.inbox.ensureSchema()
    const admission = mine.inbox.admit('both', async () => {
      expect(await theirs.inbox.admit('both', effectOf('both'))).toBe('applied')
    })
    expect(await admission).toBe('applied')
    expect(await theirs.inbox.admit('both', effectOf('both'))).toBe('duplicate')
    expect(await opened.countEffects('both')).toBe(1)
  })

  it('is one of its consumer: two services on one table apply the same event each, at once too [E37]', async () => {
    const orders = opened.open({ consumer: 'orders' })
    const mail = opened.open({ consumer: 'mail' })
    const admission = orders.inbox.admit('shared', async ({ tx }) => {
      await effectOf('shared')({ tx })
      expect(await mail.inbox.admit('shared', effectOf('shared'))).toBe('applied')
    })
    expect(await admission).toBe('applied')
    for (const { inbox } of [orders, mail, opened.open({ consumer: 'mail' })]) {
      expect(await inbox.admit('shared', effectOf('shared'))).toBe('duplicate')
    }
    expect(await opened.countEffects('shared')).toBe(2)
  })

  it('is busy if Postgres meets it twice while an index is built concurrently', async () => {
    await opened.query(`create table indexed_inbox (like hongbao_inbox including all)`)
    await opened.query(`create function violate() returns trigger language plpgsql as $$
      begin raise unique_violation using message = 'as ON CONFLICT does meanwhile'; end $$`)
    await opened.query(
      `create trigger violate before insert on indexed_inbox for each row execute function violate()`,
    )
    const { inbox } = opened.open({ table: 'indexed_inbox' })
    const work = vi.fn<() => Promise<void>>()
    expect(await inbox.admit('indexed', work)).toBe('busy')
    await opened.query('drop trigger violate on indexed_inbox')
    expect(work).not.toHaveBeenCalled()
    expect(await inbox.admit('indexed', effectOf('indexed'))).toBe('applied')
  })

  it('does not wait for another session that holds its row without its lock, such as psql', async () => {
    const { inbox, pool } = opened.open({ lockTimeoutMs: 20 })
    const person = await pool.connect()
    const hash = createHash('sha256').update('orders:held').digest('hex').slice(0, 32)
    await person.query('begin')
    await person.query('insert into hongbao_inbox (key) values ($1)', [hash])
    await expect(inbox.admit('held', effectOf('held'))).rejects.toMatchObject({
      code: 'postgres-lock-timed-out',
    })
    await person.query('rollback')
    person.release()
    expect(await inbox.admit('held', effectOf('held'))).toBe('applied')
  })
})

describe('the settings of the transaction', () => {
  const SETTINGS = `select current_setting('transaction_isolation') as isolation,
    current_setting('lock_timeout') as lock, current_setting('statement_timeout') as statement,
    current_setting('idle_in_transaction_session_timeout') as idle,
    current_setting('synchronous_commit') as synchronous`

  it('are timeouts and isolation, and none of them stays on the connection', async () => {
    const { inbox, pool } = opened.open(
      { lockTimeoutMs: 1234, transactionTimeoutMs: 5678, isolation: 'repeatable read' },
      {
        max: 1,
        options: '-c synchronous_commit=off -c default_transaction_isolation=serializable',
      },
    )
    const seen: unknown[] = []
    await inbox.admit('settings', async ({ tx }) => {
      seen.push(...(await tx.query(SETTINGS)).rows)
    })
    seen.push(...(await pool.query(SETTINGS)).rows)
    expect(seen).toEqual([
      {
        isolation: 'repeatable read',
        lock: '1234ms',
        statement: '5678ms',
        idle: '5678ms',
        synchronous: 'on',
      },
      { isolation: 'serializable', lock: '0', statement: '0', idle: '0', synchronous: 'off' },
    ])
  })

  it('keep a `synchronous_commit` that is stronger than requested', async () => {
    const { inbox } = opened.open({}, { options: '-c synchronous_commit=remote_apply' })
    const seen: unknown[] = []
    await inbox.admit('stronger', async ({ tx }) => {
      seen.push((await tx.query(SETTINGS)).rows[0])
    })
    expect(seen).toEqual([expect.objectContaining({ synchronous: 'remote_apply' })])
  })

  it('end a transaction whose handlers take too long, and free the key for others', async () => {
    const { inbox } = opened.open({ transactionTimeoutMs: 500 })
    const end = Promise.withResolvers<void>()
    const over = Promise.withResolvers<unknown>()
    const slow = inbox.admit('slow', async ({ tx }) => {
      // On a machine that is busy enough the time may be up before the first statement.
      await effectOf('slow')({ tx }).catch(over.resolve)
      await tx.query('select pg_sleep(60)').catch(over.resolve)
      await end.promise
      await effectOf('slow')({ tx })
    })
    const settled = slow.catch((error: unknown) => error)
    await over.promise
    // The server ends the last statement by the same time-out, which began with it: a little later.
    await vi.waitFor(
      async () => expect(await inbox.admit('slow', effectOf('slow'))).toBe('applied'),
      PATIENCE_MS,
    )
    end.resolve()
    expect(await settled).toMatchObject({ code: 'postgres-transaction-timed-out' })
    expect(await opened.countEffects('slow')).toBe(1)
  })

  it('end a transaction whose process hangs, on the server [E23, E24]', async () => {
    const { inbox } = opened.open()
    const end = Promise.withResolvers<void>()
    const started = Promise.withResolvers<unknown>()
    const hanging = inbox.admit('hanging', async ({ tx }) => {
      await effectOf('hanging')({ tx })
      started.resolve((await tx.query('select pg_backend_pid() as pid')).rows[0]?.pid)
      // The inbox has set it to `transactionTimeoutMs`, which its own timer would reach first.
      await tx.query(`set local idle_in_transaction_session_timeout = '20ms'`)
      await end.promise
    })
    const settled = hanging.catch((error: unknown) => error)
    await opened.waitFor(
      'select 1 where not exists (select 1 from pg_stat_activity where pid = $1)',
      [await started.promise],
    )
    expect(await inbox.admit('hanging', effectOf('hanging'))).toBe('applied')
    end.resolve()
    expect(await settled).toMatchObject({ code: 'postgres-unreachable', cause: { code: '25P03' } })
    expect(await opened.countEffects('hanging')).toBe(1)
  })
})

describe('an option of the Postgres inbox', () => {
  const pool = { connect: () => Promise.reject(new Error('not used')) }

  it('has a default: 30 days', () => {
    expect(postgresInbox({ pool, consumer: 'orders' }).retentionSeconds).toBe(2_592_000)
    expect(
      postgresInbox({ pool, consumer: 'orders', retentionSeconds: 97_200 }).retentionSeconds,
    ).toBe(97_200)
  })

  it.each<[string, object]>([
    ['pool', { pool: undefined }],
    ['pool', { pool: { query: () => {} } }],
    ['consumer', { consumer: undefined }],
    ['consumer', { consumer: '' }],
    ['consumer', { consumer: 'or:ders' }],
    ['consumer', { consumer: 'the orders' }],
    ['consumer', { consumer: '{orders}' }],
    ['consumer', { consumer: '订单' }],
    ['consumer', { consumer: 'orders\n' }],
    ['consumer', { consumer: 'x'.repeat(101) }],
    ['consumer', { consumer: 7 }],
    ['table', { table: '' }],
    ['table', { table: 'a.b.c' }],
    ['table', { table: 'inbox; drop table effects' }],
    ['table', { table: '"quoted"' }],
    ['table', { table: 'x'.repeat(53) }],
    ['table', { table: '表'.repeat(18) }],
    ['table', { table: 7 }],
    ['retentionSeconds', { retentionSeconds: 97_199 }],
    ['retentionSeconds', { retentionSeconds: Number.NaN }],
    ['retentionSeconds', { retentionSeconds: Infinity }],
    ['retentionSeconds', { retentionSeconds: 3e10 }],
    ['commandTimeoutMs', { commandTimeoutMs: 0 }],
    ['commandTimeoutMs', { commandTimeoutMs: Infinity }],
    ['lockTimeoutMs', { lockTimeoutMs: -1 }],
    ['transactionTimeoutMs', { transactionTimeoutMs: 1e12 }],
    ['isolation', { isolation: 'read uncommitted' }],
    ['cleanUpEverySeconds', { cleanUpEverySeconds: 0 }],
    ['cleanUpEverySeconds', { cleanUpEverySeconds: true }],
    ['onWarning', { onWarning: 'log' }],
    ['logger', { logger: 'console' }],
    ['retentionSecond', { retentionSecond: 97_200 }],
  ])('is refused when it is wrong: %s in %j [E26, E71]', (option, options) => {
    const given = { pool, consumer: 'orders', ...options } as PostgresInboxOptions<PoolClient>
    expect(() => postgresInbox(given)).toThrow(
      expect.objectContaining({
        name: 'OptionError',
        code: 'option-invalid',
        message: expect.stringContaining(`\`${option}\``) as string,
      }),
    )
  })

  it('is required if it is `consumer`, and the error shows the line to write [E37]', () => {
    expect(() => postgresInbox({ pool } as never)).toThrow(
      /such as `consumer: 'orders'`: 1 to 100 characters/,
    )
  })

  it.each([[undefined], [null], ['postgres://']])('is refused when it is %s', (options) => {
    expect(() => postgresInbox(options as never)).toThrow('expects an object of options')
  })
})

describe('an invalid pool', () => {
  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no pool')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no pool'))],
  ])('that %s causes an error of the inbox', async (_, connect) => {
    const inbox = postgresInbox({ pool: { connect } as never, consumer: 'orders' })
    await expect(inbox.admit('a', async () => {})).rejects.toMatchObject({
      code: 'postgres-unreachable',
      cause: { message: 'no pool' },
    })
  })

  it.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new Error('no socket')
      },
      'postgres-unreachable',
    ],
    [
      'gives another answer to the claim',
      () => answer([{ state: 'maybe' }]),
      'postgres-result-unexpected',
    ],
    ['returns no promise', () => undefined, 'postgres-result-unexpected'],
    ['gives no answer to the claim', () => answer([]), 'postgres-result-unexpected'],
  ])('whose client %s causes an error of the inbox', async (_, query, code) => {
    const client = { query, release() {} }
    const inbox = postgresInbox({
      pool: { connect: () => Promise.resolve(client) } as never,
      consumer: 'orders',
    })
    const work = vi.fn<() => Promise<void>>()
    await expect(inbox.admit('a', work)).rejects.toMatchObject({ code })
    expect(work).not.toHaveBeenCalled()
  })

  function answer(rows: unknown[]) {
    return Promise.resolve({ rows, command: 'SELECT' })
  }

  it.each([[undefined], [{ query: () => Promise.resolve() }]])(
    'that lends %j instead of a client causes an error of the inbox',
    async (client) => {
      const inbox = postgresInbox({
        pool: { connect: () => Promise.resolve(client) } as never,
        consumer: 'orders',
      })
      await expect(inbox.admit('a', async () => {})).rejects.toMatchObject({
        code: 'postgres-result-unexpected',
      })
    },
  )

  it('whose client returns an invalid result is detected before a handler runs', async () => {
    const released: unknown[] = []
    const client = {
      query: () => Promise.resolve([]),
      release: (destroy: boolean) => released.push(destroy),
    }
    const inbox = postgresInbox({
      pool: { connect: () => Promise.resolve(client as never) },
      consumer: 'orders',
    })
    const work = vi.fn<() => Promise<void>>()
    await expect(inbox.admit('a', work)).rejects.toMatchObject({
      code: 'postgres-result-unexpected',
    })
    expect(work).not.toHaveBeenCalled()
    expect(released).toEqual([true])
  })
})
