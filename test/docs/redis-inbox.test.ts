import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import type { Webhooks } from '@hongbao/core'
import { redisInbox, type RedisContext } from '@hongbao/redis'
import { Redis } from 'ioredis'
import type { Pool } from 'pg'
import type { createClient } from 'redis'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startPostgres, type PostgresServer } from '../servers/postgres.ts'
import { hasRedis, startRedis, type RedisServer } from '../servers/redis.ts'
import { codeBlocks, codeOf, section, tables } from './markdown.ts'
import { readDocument } from './snippets.ts'
import { defaultOf, fieldsOf, figureOf } from './source.ts'

type NodeRedis = ReturnType<typeof createClient>

const readme = readDocument('packages/redis/README.md')

describe('packages/redis/README.md', () => {
  it('has every option with its default', () => {
    const documented = fieldsOf('packages/redis/src/options.ts', 'RedisInboxOptions').map(
      ({ field, comment }) => [field, defaultOf(comment)],
    )
    const [, ...rows] = tables(section(readme, '## Options'))[0] ?? []
    expect(rows.map(([option, standard]) => [codeOf(option), figureOf(standard)])).toEqual(
      documented,
    )
  })

  it('has every warning', () => {
    expect(new Set(codesIn(tables(section(readme, '## Options'))[1]))).toEqual(
      unionOf('RedisInboxWarningCode'),
    )
  })

  it('has every code of an error', () => {
    expect(new Set(codesIn(tables(section(readme, '## When Redis fails'))[1]))).toEqual(
      unionOf('RedisInboxErrorCode'),
    )
  })

  it('has every field of the lease', () => {
    const fields = fieldsOf('packages/redis/src/lease.ts', 'Lease').map(({ field }) => field)
    const heading = '## What it promises, and what not'
    expect(codesIn(tables(section(readme, heading))[1])).toEqual(fields)
  })
})

describe.skipIf(!hasRedis)('the snippets of packages/redis/README.md', () => {
  const keys = createTestKeys()
  const folder = mkdtempSync(join(import.meta.dirname, '.snippets-'))
  let redisServer: RedisServer
  let postgres: PostgresServer

  beforeAll(async () => {
    ;[redisServer, postgres] = await Promise.all([startRedis(), startPostgres()])
    vi.stubEnv('PINGPP_PUBLIC_KEY', keys.publicKey)
    vi.stubEnv('REDIS_URL', redisServer.url)
    vi.stubEnv('DATABASE_URL', postgres.url)
    const snippets = codeBlocks(readme).filter(({ language }) => language === 'ts')
    for (const { text } of snippets) {
      const [, name = ''] = /^\/\/ (\S+)/.exec(text) ?? []
      writeFileSync(join(folder, name), text)
    }
  })

  afterAll(async () => {
    vi.unstubAllEnvs()
    await Promise.all([redisServer.close(), postgres.close()])
    rmSync(folder, { recursive: true })
  })

  it('pay once, even if Redis loses the record at a failover [E14]', async () => {
    const { pool } = await load<{ pool: Pool }>('wallets.ts')
    const { webhooks, redis } = await load<{ webhooks: Webhooks<RedisContext>; redis: Redis }>(
      'webhooks.ts',
    )
    const [, createPayouts = ''] = /\/\/ (create table .*)/.exec(readme) ?? []
    await pool.query(createPayouts)
    await pool.query('create table wallets (app text, balance integer)')
    const event = eventFixture('red_envelope.received', { object: { amount: 888 } })
    await pool.query('insert into wallets values ($1, 1000)', [event.data.object.app])
    const signed = signDelivery(event, keys)

    expect(await webhooks.handle(signed.delivery())).toMatchObject({ outcome: 'handled' })
    expect(await webhooks.handle(signed.delivery())).toMatchObject({ outcome: 'duplicate' })
    await redis.flushall()
    expect(await webhooks.handle(signed.delivery())).toMatchObject({ outcome: 'handled' })

    expect((await pool.query('select balance from wallets')).rows).toEqual([{ balance: 112 }])
    await pool.end()
    redis.disconnect()
  })

  it('wait for the client at start-up: the first event is applied [E63]', async () => {
    const { webhooks, redis } = await load<{ webhooks: Webhooks<RedisContext>; redis: NodeRedis }>(
      'node-redis.ts',
    )
    const signed = signDelivery(eventFixture('red_envelope.sent'), keys)
    webhooks.on('red_envelope.sent', () => {})
    expect(await webhooks.handle(signed.delivery())).toMatchObject({ outcome: 'handled' })
    redis.destroy()
  })

  it('cover the permissions and the search', async () => {
    const [, rules = ''] = /ACL SETUSER hongbao on >… (.*?)`/.exec(readme) ?? []
    const admin = await startAdmin()
    await admin.call('ACL', 'SETUSER', 'hongbao', 'on', '>secret', ...rules.split(' '))
    const user = new Redis(redisServer.url, {
      username: 'hongbao',
      password: 'secret',
      enableReadyCheck: false,
    })
    const warned = vi.fn<() => void>()
    const inbox = redisInbox({ client: user, consumer: 'orders', onWarning: warned })
    const key = 'app_1:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD'
    const failed = inbox.admit(key, () => Promise.reject(new Error('declined')))
    await expect(failed).rejects.toThrow('declined')
    expect(await inbox.admit(key, () => Promise.resolve())).toBe('applied')
    expect(await inbox.admit(key, () => Promise.resolve())).toBe('duplicate')

    const [, pattern = ''] = /--pattern '(.*?)'/.exec(readme) ?? []
    expect(await admin.keys(pattern)).toEqual([`hongbao:{${key}}:orders`])
    expect(warned).not.toHaveBeenCalled()
    user.disconnect()
    admin.disconnect()
  })

  async function startAdmin(): Promise<Redis> {
    const admin = new Redis(redisServer.url, { lazyConnect: true })
    await admin.connect()
    return admin
  }

  async function load<Module>(name: string): Promise<Module> {
    return (await import(/* @vite-ignore */ join(folder, name))) as Module
  }
})

function codesIn(rows: readonly string[][] = []): (string | undefined)[] {
  const [, ...entries] = rows
  return entries.map(([cell]) => codeOf(cell))
}

/** The members of a union of texts, as the report of the API has them. */
function unionOf(name: string): Set<string> {
  const report = readDocument('test/api/redis.api.txt')
  const [, members = ''] = new RegExp(`type ${name} = (.*);`).exec(report) ?? []
  return new Set([...members.matchAll(/'([\w-]+)'/g)].map(([, member = '']) => member))
}
