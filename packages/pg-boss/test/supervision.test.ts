import { createWebhooks } from '@hongbao/core'
import { PgBoss, type ConstructorOptions } from 'pg-boss'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { pgBossQueue } from '../src/index.ts'
import { PINGPP, usePostgres } from './opened.ts'

describe('a pg-boss without a supervisor', { timeout: 30_000 }, () => {
  const opened = usePostgres()
  const bosses: PgBoss[] = []

  afterEach(async () => {
    await Promise.all(bosses.splice(0).map((boss) => boss.stop({ timeout: 1000 })))
  })

  it.each([
    ['a hand-off', handOffTo],
    ['a worker', workOn],
  ])('causes a warning if %s is created with it [H17]', async (_, make) => {
    const boss = await start({ supervise: false })
    expect(await make(boss)).toEqual([
      expect.stringMatching(
        /^\[hongbao\] [a-z-]+: No running pg-boss of pg-boss:hongbao-events has `supervise`, so the jobs of a worker that crashes are NEVER RETRIED\. Leave `supervise` at its default, true/,
      ),
    ])
  })

  it.each([
    ['a hand-off', handOffTo],
    ['a worker', workOn],
  ])('causes no warning if %s is created and another process supervises [H17]', async (_, make) => {
    const boss = await start({ supervise: false })
    const other = await start({})
    expect(await make(boss)).toEqual([])
    await other.stop()
    expect(await make(boss)).toHaveLength(1)
  })

  it('causes no warning if pg-boss does not list its instances', async () => {
    const { boss } = opened
    const answers = [() => Promise.reject(new Error('permission denied')), () => []]
    for (const getInstances of answers) {
      const silent = Object.assign(Object.create(boss) as PgBoss, {
        createQueue: boss.createQueue.bind(boss),
        updateQueue: boss.updateQueue.bind(boss),
        getQueue: boss.getQueue.bind(boss),
        getInstances,
      })
      expect(await handOffTo(silent as PgBoss)).toEqual([])
    }
  })

  async function start(options: ConstructorOptions): Promise<PgBoss> {
    const boss = new PgBoss({ connectionString: opened.url, schedule: false, max: 2, ...options })
    boss.on('error', () => {})
    await boss.start()
    bosses.push(boss)
    return boss
  }
})

async function handOffTo(boss: PgBoss): Promise<string[]> {
  const warn = vi.fn<(line: string) => void>()
  await pgBossQueue({ boss, logger: { warn, error: () => {} } }).ready()
  return warn.mock.calls.map(([line]) => line)
}

async function workOn(boss: PgBoss): Promise<string[]> {
  const warn = vi.fn<(line: string) => void>()
  const webhooks = createWebhooks({ publicKey: PINGPP.publicKey, logger: false })
  const queue = pgBossQueue({ boss, logger: { warn, error: () => {} } })
  const worker = await queue.work(webhooks)
  await worker.close()
  return warn.mock.calls.map(([line]) => line)
}
